// SPDX-License-Identifier: MIT
//
// The kernel's modules, and the devices that come with them. Waits for these by the kernel's
// events, with a deadline.
#pragma once

#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "helper/init/job.h"

namespace qemunit::init {

void load_modules(const Job &job);

// The kernel's events of devices; -1 for a kernel that has none.
int open_uevents();

// False: nothing has come in time.
bool wait_for_event(int uevents, int64_t end_ms);
int64_t end_of_wait_ms();

// Until `look` says yes; it is asked again at each event of the kernel.
template <typename Look>
bool wait_for_device(int uevents, Look look) {
    const int64_t end = end_of_wait_ms();
    do
        if (look())
            return true;
    while (wait_for_event(uevents, end));
    return false;
}

struct Port {
    const char *name;
    int fd;
};

// Those that are there now. True: all are.
bool open_ports(Port *ports, int count);

}  // namespace qemunit::init
