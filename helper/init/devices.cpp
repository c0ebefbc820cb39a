// SPDX-License-Identifier: MIT
#include "helper/init/devices.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/run/protocol.h"

namespace qemunit::init {

namespace {

constexpr int kDeviceWaitMs = 30'000;

int64_t now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

void load_modules(const Job &job) {
    for (char *path = next_value(job, run::kModule); path;
         path = next_value(job, run::kModule, path)) {
        const int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) != 0 && errno != EEXIST))
            printf("qemunit-init: cannot load %s: %s\n", path, strerror(errno));
        close(fd);
    }
}

int open_uevents() {
    const int fd =
        socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT);
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    address.nl_groups = 1;
    if (fd >= 0 && bind(fd, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0)
        return fd;
    return -1;
}

int64_t end_of_wait_ms() {
    return now_ms() + kDeviceWaitMs;
}

bool wait_for_event(int uevents, int64_t end_ms) {
    const int64_t left = end_ms - now_ms();
    if (left <= 0)
        return false;
    // A kernel without these events is asked often.
    pollfd event = {uevents, POLLIN, 0};
    poll(&event, 1, uevents >= 0 ? static_cast<int>(left) : 5);
    char buffer[8192];
    while (uevents >= 0 && recv(uevents, buffer, sizeof buffer, 0) > 0) {
    }
    return true;
}

bool open_ports(Port *ports, int count) {
    DIR *folder = opendir("/sys/class/virtio-ports");
    if (folder == nullptr)
        return false;
    while (const dirent *entry = readdir(folder)) {
        char path[PATH_MAX], name[64] = "";
        snprintf(path, sizeof path, "/sys/class/virtio-ports/%s/name", entry->d_name);
        const int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        const ssize_t n = read(fd, name, sizeof name - 1);
        close(fd);
        if (n <= 0)
            continue;
        name[strcspn(name, "\n")] = '\0';
        for (Port *port = ports; port != ports + count; ++port)
            if (port->fd < 0 && strcmp(port->name, name) == 0) {
                snprintf(path, sizeof path, "/dev/%s", entry->d_name);
                port->fd = open(path, O_RDWR | O_CLOEXEC);
            }
    }
    closedir(folder);
    for (const Port *port = ports; port != ports + count; ++port)
        if (port->fd < 0)
            return false;
    return true;
}

}  // namespace qemunit::init
