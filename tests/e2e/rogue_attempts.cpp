// SPDX-License-Identifier: MIT
#include "tests/e2e/rogue_attempts.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <vector>

#include "tests/e2e/rogue_calls.h"

namespace qemunit::e2e {

namespace {

std::vector<std::pair<std::string, Attempt>> attempts(const Targets &targets,
                                                      const std::string &state) {
    const auto target = [&](const char *name) {
        const auto found = targets.find(name);
        return found == targets.end() ? std::string() : found->second;
    };
    const pid_t qemu = std::atoi(target("qemu").c_str());
    const pid_t companion = std::atoi(target("companion").c_str());
    const std::string proc = "/proc/" + target("qemu"), vm = target("vm");
    const std::string libexec = target("libexec"), sockets = "/run/qemunit/" + vm;
    static const sched_param kPriority{1};
    static std::array<char, 4096> room{};
    static siginfo_t info{};
    info.si_code = SI_QUEUE;
    static timex no_change{};
    no_change.modes = ADJ_TICK;
    return {
        // Processes of another VM. Signal 0 is refused to whom SIGKILL is.
        {"kill-qemu", call(SYS_kill, qemu, 0)}, {"kill-companion", call(SYS_kill, companion, 0)},
            {"tgkill-qemu", call(SYS_tgkill, qemu, qemu, 0)},
            {"sigqueue-qemu", call(SYS_rt_sigqueueinfo, qemu, 0, &info)},
            {"pidfd-signal-qemu",
             with_pidfd(qemu,
                        [](long fd) { return syscall(SYS_pidfd_send_signal, fd, 0, nullptr, 0); })},
            {"pidfd-getfd-qemu",
             with_pidfd(qemu, [](long fd) { return syscall(SYS_pidfd_getfd, fd, 0, 0); })},
            {"madvise-qemu", with_pidfd(qemu,
                                        [](long fd) {
                                            iovec piece{nullptr, 4096};
                                            return syscall(SYS_process_madvise, fd, &piece, 1,
                                                           MADV_COLD, 0);
                                        })},
            {"prlimit-qemu", call(SYS_prlimit64, qemu, RLIMIT_NOFILE, nullptr, room.data())},
            {"prlimit-companion",
             call(SYS_prlimit64, companion, RLIMIT_NOFILE, nullptr, room.data())},
            {"priority-qemu", call(SYS_setpriority, PRIO_PROCESS, qemu, 19)},
            {"ioprio-qemu", call(SYS_ioprio_set, 1, qemu, 3 << 13)},
            {"affinity-qemu", call(SYS_sched_setaffinity, qemu, 8, "\1\0\0\0\0\0\0")},
            {"scheduler-qemu", call(SYS_sched_setscheduler, qemu, SCHED_IDLE, &kPriority)},
            {"ptrace-qemu", call(SYS_ptrace, PTRACE_SEIZE, qemu, 0, 0)},
            {"ptrace-companion", call(SYS_ptrace, PTRACE_SEIZE, companion, 0, 0)},
            {"ptrace-parent", call(SYS_ptrace, PTRACE_SEIZE, getppid(), 0, 0)},
            {"read-memory-qemu",
             [=] {
                 return memory_of(qemu, SYS_process_vm_readv);
             }},
            {"write-memory-qemu",
             [=] {
                 return memory_of(qemu, SYS_process_vm_writev);
             }},
            {"kcmp-qemu", call(SYS_kcmp, getpid(), qemu, 0, 0, 0)},
            {"migrate-pages-qemu", call(SYS_migrate_pages, qemu, 8, room.data(), room.data())},
            {"move-pages-qemu", call(SYS_move_pages, qemu, 0, nullptr, nullptr, nullptr, 0)},
            {"proc-memory-qemu", open_file(proc + "/mem", O_RDWR)},
            {"proc-files-qemu", open_file(proc + "/fd", O_RDONLY)},
            {"proc-memory-companion", open_file("/proc/" + target("companion") + "/mem", O_RDWR)},
            {"proc-memory-own-companion", write_companion(target("program"))},

            // Programs.
            {"exec-shell", run_program("/bin/sh")},
            {"exec-loader", run_program("/lib64/ld-linux-x86-64.so.2")},
            {"exec-qemu", run_program("/usr/bin/qemu-system-x86_64")},
            {"exec-itself", run_program(target("program"))},
            {"exec-helper", run_program(libexec + "/qemunit-helper")},
            {"exec-companion", run_program(libexec + "/qemunit-companion")},
            {"exec-state-file", run_copy(state + "/program")},
            {"exec-tmp-file", run_copy("/tmp/program")},
            {"exec-shm-file", run_copy("/dev/shm/program")}, {"exec-memory-file", run_memory_file},
            {"exec-memory-file-by-name", run_memory_file_by_name},
            {"map-state-file", map_executable(state + "/mapped")},
            {"set-user-id-bit", set_user_id_bit(state + "/suid")},

            // Its own unit: what it says to systemd and to the journal.
            {"notify-ready", notify("READY=1")}, {"notify-stopping", notify("STOPPING=1")},
            {"notify-status", notify("STATUS=taken over")}, {"notify-mainpid", notify("MAINPID=1")},
            {"notify-fdstore", notify("FDSTORE=1\nFDNAME=x")},
            {"journal-native", send_to("/run/systemd/journal/socket", "MESSAGE=forged\n_X=1\n")},
            {"journal-syslog", send_to("/run/systemd/journal/dev-log", "<3>forged")},
            {"journal-stream", connect_to("/run/systemd/journal/stdout")},
            {"syslog", send_to("/dev/log", "<3>forged")},
            {"inherited-datagrams", use_inherited_datagrams},
            {"control-group", open_file("/sys/fs/cgroup/cgroup.procs", O_WRONLY)},

            // Sockets.
            {"socket-unix-datagram", make_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC)},
            {"socket-unix-packet", make_socket(AF_UNIX, SOCK_SEQPACKET)},
            {"socket-unix-raw", make_socket(AF_UNIX, SOCK_RAW)},
            {"socketpair-datagram",
             [] {
                 int fds[2];
                 return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds);
             }},
            {"socket-inet", make_socket(AF_INET, SOCK_STREAM)},
            {"socket-inet6", make_socket(AF_INET6, SOCK_DGRAM)},
            {"socket-netlink", make_socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE)},
            {"socket-packet", make_socket(AF_PACKET, SOCK_RAW)},
            {"socket-vsock", make_socket(AF_VSOCK, SOCK_STREAM)},
            {"socket-alg", make_socket(AF_ALG, SOCK_SEQPACKET)},
            {"socket-key", make_socket(AF_KEY, SOCK_RAW, 2)},
            {"socket-bluetooth", make_socket(AF_BLUETOOTH, SOCK_RAW)},
            {"io-uring-setup", call(SYS_io_uring_setup, 4, room.data())},
            {"io-uring-enter", call(SYS_io_uring_enter, -1, 0, 0, 0, nullptr, 0)},
            {"io-uring-register", call(SYS_io_uring_register, -1, 0, nullptr, 0)},
            {"abstract-socket", connect_to(std::string(1, '\0') + target("abstract"))},
            {"host-port", connect_to_port(target("port"))},
            {"tap-of-another", take_tap(target("tap"))}, {"tap-new", take_tap("rogue0")},

            // What others have: sockets, state, the bus.
            {"control-of-another", connect_to(sockets + "/control.sock")},
            {"monitor-of-another", connect_to(sockets + "/monitor.sock")},
            {"serial-of-another", connect_to(sockets + "/serial.sock")},
            {"vnc-of-another", connect_to("/var/lib/qemunit/" + vm + "/vnc.sock")},
            {"state-of-another", open_file("/var/lib/qemunit/" + vm, O_RDONLY)},
            {"image-of-another", open_file("/var/lib/qemunit/" + vm + "/secret.img", O_RDWR)},
            {"ini-of-another", open_file("/etc/qemunit/" + vm + ".ini", O_RDONLY)},
            {"bus", connect_to("/run/dbus/system_bus_socket")},
            {"manager", connect_to("/run/systemd/private")},

            // Files that are not its own.
            {"write-root", open_file("/rogue", O_WRONLY | O_CREAT)},
            {"write-usr", open_file("/usr/rogue", O_WRONLY | O_CREAT)},
            {"write-etc", open_file("/etc/passwd", O_WRONLY)},
            {"write-run", open_file("/run/rogue", O_WRONLY | O_CREAT)},
            {"write-all-state", open_file("/var/lib/qemunit/new", O_WRONLY | O_CREAT)},
            {"read-shadow", open_file("/etc/shadow", O_RDONLY)},
            {"proc-sys", open_file("/proc/sys/kernel/core_pattern", O_WRONLY)},
            {"sys", open_file("/sys/kernel/uevent_helper", O_WRONLY)},
            {"dev-mem", open_file("/dev/mem", O_RDWR)},
            {"dev-kmsg", open_file("/dev/kmsg", O_WRONLY)},
            {"dev-fuse", open_file("/dev/fuse", O_RDWR)},
            {"dev-loop", open_file("/dev/loop-control", O_RDWR)},
            {"dev-vhost", open_file("/dev/vhost-net", O_RDWR)},
            {"dev-disk", open_file("/dev/vda", O_RDWR)},
            {"file-handle", call(SYS_open_by_handle_at, AT_FDCWD, room.data(), O_RDONLY)},
            {"device-node",
             [=] {
                 return mknod((state + "/disk").c_str(), S_IFBLK | 0600, 0x800);
             }},

            // Another view of the system.
            {"unshare-user", call(SYS_unshare, CLONE_NEWUSER)},
            {"unshare-net", call(SYS_unshare, CLONE_NEWNET)},
            {"unshare-mount", call(SYS_unshare, CLONE_NEWNS)},
            {"clone-user", call(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0)},
            {"setns",
             with_pidfd(companion, [](long fd) { return syscall(SYS_setns, fd, CLONE_NEWNET); })},
            {"mount", call(SYS_mount, "none", "/tmp", "tmpfs", 0, nullptr)},
            {"umount", call(SYS_umount2, "/usr", MNT_DETACH)},
            {"pivot-root", call(SYS_pivot_root, "/", "/")}, {"chroot", call(SYS_chroot, "/tmp")},
            {"personality", call(SYS_personality, 0x0040000)},

            // Another user, other rights.
            {"setuid", call(SYS_setuid, 0)}, {"setresuid", call(SYS_setresuid, 0, 0, 0)},
            {"setgroups", call(SYS_setgroups, 0, nullptr)}, {"capset", gain_capabilities},
            {"raise-limit", raise_limit},
            {"real-time", call(SYS_sched_setscheduler, 0, SCHED_FIFO, &kPriority)},
            {"lock-memory", lock_memory},

            // The kernel.
            {"add-key", call(SYS_add_key, "user", "rogue", "x", 1, -2)},
            {"request-key", call(SYS_request_key, "user", "rogue", nullptr, 0)},
            {"keyctl", call(SYS_keyctl, 0 /* KEYCTL_GET_KEYRING_ID */, -4 /* the user's */, 0)},
            {"bpf", call(SYS_bpf, 0, room.data(), 48)},
            {"perf", call(SYS_perf_event_open, room.data(), 0, -1, -1, 0)},
            {"userfaultfd", call(SYS_userfaultfd, 1 /* UFFD_USER_MODE_ONLY */)},
            {"fanotify", call(SYS_fanotify_init, 0, 0)},
            {"module", call(SYS_init_module, room.data(), 1, "")},
            {"module-file", call(SYS_finit_module, 0, "", 0)},
            {"module-unload", call(SYS_delete_module, "loop", O_NONBLOCK)},
            {"kexec", call(SYS_kexec_load, 0, 0, nullptr, 0)},
            {"reboot", call(SYS_reboot, 0xfee1dead, 672274793, 0, nullptr)},
            {"swap", call(SYS_swapon, "/dev/vda", 0)},
            {"host-name", call(SYS_sethostname, "rogue", 5)}, {"set-time", set_time},
            {"set-clock", set_clock}, {"adjust-clock", call(SYS_adjtimex, &no_change)},
            {"kernel-log", call(SYS_syslog, 3, room.data(), 4096)},
            {"accounting", call(SYS_acct, nullptr)},
            {"quota", call(SYS_quotactl, 0x800001 << 8, nullptr, 0, nullptr)},
#if defined(__x86_64__) || defined(__i386__)
            {"io-ports", call(SYS_ioperm, 0x70, 2, 1)}, {"io-level", call(SYS_iopl, 3)},
#endif
            {"type-into-terminal", type_into_terminal(TIOCSTI)},
            {"terminal-selection", type_into_terminal(TIOCLINUX)},
    };
}

// In a process of its own, so that it harms no other. A program that was executed closes the pipe.
std::string outcome(const Attempt &attempt) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return "no pipe";
    const pid_t child = fork();
    if (child == 0) {
        alarm(10);
        errno = 0;
        const int code = attempt() < 0 ? errno : 0;
        _exit(write(ends[1], &code, sizeof code) == sizeof code ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    close(ends[1]);
    int code = 0, status = 0;
    const bool has_answered = read(ends[0], &code, sizeof code) == sizeof code;
    close(ends[0]);
    waitpid(child, &status, 0);
    if (has_answered && code != 0)
        return strerrorname_np(code);
    if (WIFSIGNALED(status))
        return "SIG" + std::string(sigabbrev_np(WTERMSIG(status)));
    return "works";
}

}  // namespace

void attempt_all(const Targets &targets, const std::string &file) {
    const auto before = std::signal(SIGCHLD, SIG_DFL);
    const char *state = std::getenv("STATE_DIRECTORY");
    const std::string folder = state ? state : ".";
    const std::string path = folder + "/" + file;
    std::ofstream lines(path + ".new");
    for (const auto &[name, attempt] : attempts(targets, folder))
        lines << name << ' ' << outcome(attempt) << std::endl;
    lines.close();
    rename((path + ".new").c_str(), path.c_str());
    std::signal(SIGCHLD, before);
}

void kill_all(const Targets &targets) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0)
        for (const char *name : {"companion", "qemu"}) {
            // The kernel asks only when there is something to read whether the signal may be sent.
            fcntl(ends[0], F_SETOWN, std::atoi(targets.at(name).c_str()));
            fcntl(ends[0], F_SETSIG, SIGKILL);
            fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK);
            send(ends[1], "x", 1, MSG_NOSIGNAL);
        }
    kill(-1, SIGKILL);
    for (const char *name : {"companion", "qemu"})
        kill(std::atoi(targets.at(name).c_str()), SIGKILL);
    raise(SIGKILL);
}

}  // namespace qemunit::e2e
