// SPDX-License-Identifier: MIT
//
// qemunit-helper: ExecStart= of qemu@.service. One straight way from systemd's sockets to
// execv(QEMU), with the companion forked off before. Nothing of it is left in the main
// process but QEMU. Each way it can fail is one sentence on standard error, which is the journal.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "common/paths.h"
#include "helper/advice.h"
#include "helper/companion.h"
#include "helper/hibernation.h"
#include "helper/kvm.h"
#include "helper/listening_sockets.h"
#include "helper/new_file.h"
#include "helper/options.h"
#include "helper/wiring.h"

namespace {

using namespace qemunit;

int complain(int exit_code, std::string_view message) {
    fmt::print(stderr, "<3>qemunit-helper: {}\n", message);
    return exit_code;
}

// What `ps` and `systemctl status` show: written over the arguments, which lie in one piece.
void set_title(int argc, char **argv, const std::string &title) {
    char *const end = argv[argc - 1] + std::strlen(argv[argc - 1]);
    const auto room = static_cast<std::size_t>(end - argv[0]);
    std::memset(argv[0], 0, room);
    title.copy(argv[0], room);
}

// A fork that is systemd's child, like the caller: QEMU would be left with a zombie and a SIGCHLD that
// it does not expect. Not clone3(), which RestrictNamespaces= cannot look into and refuses.
// The C library is not told: what it holds as the thread's ID is still the caller's, until the next
// fork() or exec, and only raise() and abort() would mind.
pid_t fork_sibling() {
    return static_cast<pid_t>(
        syscall(SYS_clone, CLONE_PARENT | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
}

Result<> start_companion(int argc, char **argv, const std::string &vm, Wiring &wiring) {
    const pid_t supervisor = fork_sibling();
    if (supervisor < 0)
        return fail_errno(errno, "cannot fork the companion");
    if (supervisor > 0)
        return {};
    set_title(argc, argv, "qemunit-helper: supervisor of VM " + vm);
    wiring.qemu.fds.clear();  // or QEMU's end would never be seen
    _exit(supervise([&](Handover &handover) {
        set_title(argc, argv, "qemunit-helper: companion of VM " + vm);
        return run_companion(vm, std::move(wiring.companion), handover);
    }));
}

// Exactly these fds survive the exec, whatever else was open.
Result<> pass_only(const std::vector<UniqueFd> &fds) {
    if (close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) != 0)
        return fail_errno(errno, "cannot mark the open files close-on-exec");
    for (const UniqueFd &fd : fds)
        if (fcntl(fd.get(), F_SETFD, 0) != 0)
            return fail_errno(errno, fmt::format("cannot pass on fd {}", fd.get()));
    return {};
}

// QEMU takes the first accelerator that it can initialise, not the first that works.
void leave_out_kvm(std::vector<std::string> &command) {
    for (auto word = command.begin(); std::distance(word, command.end()) > 1; ++word)
        if (*word == "-accel" && *std::next(word) == "kvm") {
            command.erase(word, word + 2);
            return;
        }
}

bool wants_kvm(const std::vector<std::string> &command) {
    const auto word = std::ranges::adjacent_find(
        command,
        [](const auto &option, const auto &value) { return option == "-accel" && value == "kvm"; });
    return word != command.end();
}

Result<> prepare(HelperOptions &options) {
    if (options.check_kvm)
        if (const auto usable = check_kvm(); !usable) {
            fmt::print(stderr, "<5>qemunit-helper: {}; the VM runs by emulation (TCG).\n",
                       usable.error().message);
            leave_out_kvm(options.qemu);
        }
    const auto advise = [](const std::string &advice) {
        if (!advice.empty())
            fmt::print(stderr, "<4>qemunit-helper: {}\n", advice);
    };
    if (wants_kvm(options.qemu))
        advise(kvm_advice("/dev/kvm", options.scope));
    for (const auto *paths : {&options.reads, &options.writes})
        for (const std::string &path : *paths) {
            advise(permission_advice(path, paths == &options.writes, options.scope));
            advise(quoted_path_advice(path));
        }
    for (const std::string &path : options.made)
        advise(missing_image_advice(path, options.vm, options.scope));
    if (options.uefi_variables.empty())
        return {};
    return copy_once(options.uefi_variables, uefi_variables_path(options.vm));
}

bool is_to_stop() {
    sigset_t pending;
    return sigpending(&pending) == 0 && sigismember(&pending, kStopSignal) == 1;
}

void mask_signals(int how, std::initializer_list<int> numbers) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : numbers)
        sigaddset(&signals, number);
    sigprocmask(how, &signals, nullptr);
}

Error run_qemu(const std::vector<std::string> &command) {
    // These are the service's, and the companion speaks for it.
    for (const char *name : {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"})
        unsetenv(name);
    // SIGHUP stays blocked: it would make QEMU quit, and is not for QEMU (see main()).
    mask_signals(SIG_UNBLOCK, {kStopSignal});
    std::vector<char *> argv;
    for (const std::string &word : command)
        argv.push_back(const_cast<char *>(word.c_str()));  // execv() takes them as char *const
    argv.push_back(nullptr);
    execv(argv.front(), argv.data());
    // Debian 12 has a shell script for i386 before the program itself, and here is no shell.
    const int code = errno;
    if (code == EACCES || code == ENOENT) {
        const std::string program = command.front().substr(command.front().rfind('/') + 1);
        execv((std::string(kQemuLibexecDir) + "/" + program).c_str(), argv.data());
    }
    Error error = fail_errno(code, fmt::format("cannot run {}", command.front())).error();
    if (error.code == ENOENT)
        error.message += "; is QEMU for this architecture installed?";
    return error;
}

// A machine's state to begin with, and where the companion says that the guest runs again.
struct Resumption {
    UniqueFd state, resumed;
};

// Returns only if it fails, with the exit code.
int become_qemu(int argc, char **argv, const HelperOptions &options, ListeningSockets sockets,
                Resumption resumption) {
    auto wiring = wire(options, std::move(sockets));
    if (!wiring)
        return complain(EX_OSERR, wiring.error().message);
    for (const std::string &warning : wiring->warnings)
        fmt::print(stderr, "<4>qemunit-helper: {}\n", warning);
    if (resumption.state) {
        wiring->qemu.arguments.insert(wiring->qemu.arguments.end(),
                                      {"-incoming", fmt::format("fd:{}", resumption.state.get())});
        wiring->qemu.fds.push_back(std::move(resumption.state));
        wiring->companion.resumed = std::move(resumption.resumed);
    }
    wiring->companion.qemu = getpid();
    if (auto started = start_companion(argc, argv, options.vm, *wiring); !started)
        return complain(EX_OSERR, started.error().message);
    wiring->companion = {};
    if (auto passed = pass_only(wiring->qemu.fds); !passed)
        return complain(EX_OSERR, passed.error().message);

    std::vector<std::string> command = options.qemu;
    command.insert(command.begin() + 1, wiring->qemu.arguments.begin(),
                   wiring->qemu.arguments.end());
    if (is_to_stop())
        return EXIT_SUCCESS;
    return complain(EX_UNAVAILABLE, run_qemu(command).message);
}

bool read_all(int fd, void *buffer, std::size_t size) {
    ssize_t n = 0;
    while ((n = read(fd, buffer, size)) < 0 && errno == EINTR) {
    }
    return n == static_cast<ssize_t>(size);  // a pipe gives a small message whole
}

// QEMU 7.2 ends when it cannot load a state. So that the VM starts all the same, it is tried by
// a child, which becomes the service's main process when the guest runs. Returns the exit code
// if there is nothing more to do.
std::optional<int> try_to_resume(int argc, char **argv, const HelperOptions &options,
                                 ListeningSockets &sockets) {
    const SavedState saved(hibernation_path(options.vm));
    UniqueFd state = saved.open();
    int ends[2];
    if (!state || pipe2(ends, O_CLOEXEC) != 0)
        return std::nullopt;
    UniqueFd reading(ends[0]), writing(ends[1]);
    const pid_t child = fork_sibling();
    if (child < 0)
        return complain(EX_OSERR, fmt::format("cannot fork: {}", std::strerror(errno)));
    if (child == 0) {
        reading.reset();
        const pid_t self = getpid();
        if (write(writing.get(), &self, sizeof self) != sizeof self)
            _exit(EXIT_FAILURE);
        _exit(become_qemu(argc, argv, options, std::move(sockets),
                          {std::move(state), std::move(writing)}));
    }
    writing.reset();
    // Its PID; then a byte when the guest runs, or the end when all that could say so has ended.
    pid_t qemu = 0;
    char byte = 0;
    const bool has_resumed =
        read_all(reading.get(), &qemu, sizeof qemu) && read_all(reading.get(), &byte, 1);
    if (has_resumed) {
        sd_notifyf(0, "MAINPID=%d", qemu);
        sd_notify_barrier(0, UINT64_MAX);
        return EXIT_SUCCESS;
    }
    if (is_to_stop())
        return EXIT_SUCCESS;
    fmt::print(stderr,
               "<3>qemunit-helper: the VM could not be resumed from where it was; its state is set "
               "aside as {}, and it boots.\n",
               saved.set_aside());
    return std::nullopt;
}

}  // namespace

int main(int argc, char **argv) {
    // What systemd has started, but not exec'd yet, does not mind the signal to stop. The SIGHUP
    // that comes with it (SendSIGHUP= of the unit) ends that; from here on it is of no use.
    mask_signals(SIG_BLOCK, {kStopSignal, SIGHUP});
    auto options = parse_helper_options({argv + 1, argv + argc});
    if (!options)
        return complain(EX_USAGE, options.error().message);
    if (options->mode == HelperOptions::Mode::help) {
        fmt::print("{}", kHelperHelp);
        return EXIT_SUCCESS;
    }
    if (options->mode == HelperOptions::Mode::version) {
        fmt::print("qemunit-helper {}\n", kVersion);
        return EXIT_SUCCESS;
    }

    if (auto prepared = prepare(*options); !prepared)
        return complain(EX_CANTCREAT, prepared.error().message);
    auto sockets = take_listening_sockets();
    if (!sockets)
        return complain(EX_UNAVAILABLE, sockets.error().message);
    if (options->stop == StopMode::hibernate) {
        if (const auto exit_code = try_to_resume(argc, argv, *options, *sockets))
            return *exit_code;
    } else if (const SavedState saved(hibernation_path(options->vm)); saved.open()) {
        // Its disks will not go with it any more.
        fmt::print(stderr,
                   "<4>qemunit-helper: the VM was hibernated, but has Stop=hibernate no more; its "
                   "state is set aside as {}, and it boots.\n",
                   saved.set_aside());
    }
    return become_qemu(argc, argv, *options, std::move(*sockets), {});
}
