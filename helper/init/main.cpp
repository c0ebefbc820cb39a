// SPDX-License-Identifier: MIT
//
// The first process of a guest of `qemunitctl run`: mounts its root, runs one command, and tells
// how that ended (common/run/protocol.h). Nothing else is in the guest: no library, no shell, no
// exec but the command's. It must never end, since the kernel panics then.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <initializer_list>

#include "common/run/protocol.h"
#include "helper/init/command.h"
#include "helper/init/devices.h"
#include "helper/init/end.h"
#include "helper/init/job.h"
#include "helper/init/mounts.h"
#include "helper/init/network.h"
#include "helper/init/relay.h"

namespace {

using namespace qemunit;
using namespace qemunit::init;

void open_console() {
    setvbuf(stdout, nullptr, _IOLBF, 0);
    const int console = open("/dev/console", O_RDWR | O_CLOEXEC);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        if (console >= 0)
            dup2(console, fd);
}

// A fifo, which any process may open; nothing to read, if nobody wants it.
int open_events(const Job &job) {
    const char *path = next_value(job, run::kEventsPath);
    const int flags = O_NONBLOCK | O_CLOEXEC;
    if (path == nullptr)
        return open("/dev/null", O_RDONLY | flags);
    mkfifo(path, 0666);
    chmod(path, 0666);
    const int fd = open(path, O_RDWR | flags);
    if (fd < 0)
        give_up("cannot make %s: %s", path, strerror(errno));
    return fd;
}

[[noreturn]] void tell(const Outcome &outcome) {
    const bool is_killed = WIFSIGNALED(outcome.status);
    sync();
    fcntl(control, F_SETFL, fcntl(control, F_GETFL) & ~O_NONBLOCK);
    dprintf(control, "%s %d %llu %llu %llu\n", is_killed ? run::kKilled : run::kExited,
            is_killed ? WTERMSIG(outcome.status) : WEXITSTATUS(outcome.status),
            static_cast<unsigned long long>(outcome.output),
            static_cast<unsigned long long>(outcome.errors),
            static_cast<unsigned long long>(outcome.events));
    char byte;
    while (read(control, &byte, 1) > 0) {  // the caller ends the VM when it has all
    }
    power_off();
}

}  // namespace

int main() {
    mkdir("/dev", 0755);
    mkdir("/proc", 0755);
    mkdir("/sys", 0755);
    mount("dev", "/dev", "devtmpfs", 0, "mode=0755");
    mount("proc", "/proc", "proc", 0, "");
    mount("sys", "/sys", "sysfs", 0, "");
    open_console();
    umask(0022);
    signal(SIGPIPE, SIG_IGN);
    const Job job = read_job();
    const int uevents = open_uevents();
    load_modules(job);

    Port ports[] = {{run::kInput, -1},
                    {run::kOutput, -1},
                    {run::kErrors, -1},
                    {run::kEvents, -1},
                    {run::kControl, -1}};
    if (!wait_for_device(uevents, [&] { return open_ports(ports, 5); }))
        give_up(
            "there are no ports of virtio-serial; the kernel needs virtio_pci and virtio_console, "
            "built in or as modules");
    control = ports[4].fd;
    mount_root(job, uevents);
    set_up_card(job, uevents);
    close(uevents);
    mount_usual();
    mount_shares(job);
    bring_up_loopback();
    if (const char *name = next_value(job, run::kHost))
        (void)!sethostname(name, strlen(name));

    const int child_signals = hold_child_signals();
    const int events = open_events(job);
    // This write waits until the kernel has heard of the other end.
    dprintf(control, "%s\n", run::kBegan);
    const StartedCommand command = start_command(job);
    for (const Port &port : ports)
        fcntl(port.fd, F_SETFL, fcntl(port.fd, F_GETFL) | O_NONBLOCK);
    tell(relay(command, {ports[0].fd, ports[1].fd, ports[2].fd, ports[3].fd, ports[4].fd, events},
               child_signals));
}
