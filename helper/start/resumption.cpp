// SPDX-License-Identifier: MIT
#include "helper/start/resumption.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "common/paths.h"
#include "common/shared_names.h"
#include "helper/handover/companion_command.h"
#include "helper/start/ending.h"
#include "helper/start/saved_machine.h"

namespace qemunit::helper {

namespace {

// A QEMU that ends by itself has closed its monitor before, and so is gone a moment later; one that
// is killed may still have to write to its disks.
constexpr int kEndMax = 5'000, kKilledEndMax = 60'000;  // ms

bool read_all(int fd, void *buffer, std::size_t size) {
    ssize_t n = 0;
    while ((n = read(fd, buffer, size)) < 0 && errno == EINTR) {
    }
    return n == static_cast<ssize_t>(size);  // a pipe gives a small message whole
}

// The last step that the companion tells; nothing if the companion ends before QEMU has the state.
std::optional<Resumption> follow_resumption(int fd) {
    std::optional<Resumption> last;
    char byte = 0;
    while (last != Resumption::runs && read_all(fd, &byte, 1))
        last = static_cast<Resumption>(byte);
    return last;
}

// 0.7 wrote no header before QEMU's own part, which begins so (QEMU_VM_FILE_MAGIC).
bool is_of_0_7(int state) {
    constexpr std::string_view kMagic = "QEVM";
    char begin[kMagic.size()];
    return pread(state, begin, sizeof begin, 0) == ssize_t{sizeof begin} &&
           std::string_view(begin, sizeof begin) == kMagic;
}

// User networks were QEMU's own then, and QEMU loads no part of a state that it has nothing for.
// These are connected to no card.
void add_networks_of_0_7(HelperOptions &options) {
    int number = 0;
    for (const auto &[unit, socket] : options.needs)
        if (unit.starts_with("qemu-usernet@"))
            options.qemu.insert(
                options.qemu.end(),
                {"-netdev", fmt::format("user,id={}old-{},restrict=on", kOwnIds, number++)});
}

// A QEMU that has tried to go on with the saved state, and how far it has come.
struct Attempt {
    pid_t qemu = 0;
    std::optional<Resumption> reached;
    bool was_left = false;  // it lived, without a companion, and was killed
};

bool has_ended(const UniqueFd &process, int patience_ms) {
    pollfd watched{.fd = process.get(), .events = POLLIN, .revents = 0};
    int r = 0;
    while ((r = poll(&watched, 1, patience_ms)) < 0 && errno == EINTR) {
    }
    return r > 0;
}

// Without a companion and its supervisor, nobody would ever let its guest run, and another QEMU
// beside it would have the same disks.
Result<bool> end_what_is_left(const UniqueFd &qemu) {
    if (has_ended(qemu, kEndMax))
        return false;
    if (syscall(SYS_pidfd_send_signal, qemu.get(), SIGKILL, nullptr, 0) != 0 && errno != ESRCH)
        return fail_errno(errno, "cannot end the QEMU that was left alone");
    if (!has_ended(qemu, kKilledEndMax))
        return fail(ETIMEDOUT, "the QEMU that was left alone does not end");
    return true;
}

// QEMU ends when it cannot load a state. So that the VM starts all the same, a child process
// becomes the QEMU that tries.
Result<Attempt> attempt_to_resume(const HelperOptions &options, const BecomeQemu &become_qemu) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail_errno(errno, "cannot create a pipe");
    UniqueFd reading(ends[0]), writing(ends[1]);
    // A second fork makes the new process systemd's child from the beginning.
    const pid_t child = fork();
    if (child < 0)
        return fail_errno(errno, "cannot fork");
    if (child == 0) {
        if (fork() != 0)
            _exit(EXIT_SUCCESS);
        reading.reset();
        const pid_t self = getpid();
        if (write(writing.get(), &self, sizeof self) != sizeof self)
            _exit(EXIT_FAILURE);
        _exit(become_qemu(options, std::move(writing)));
    }
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    writing.reset();
    // The PID of the new process comes first; then the steps, until the guest runs or until nobody
    // is left who could write them.
    Attempt attempt;
    if (!read_all(reading.get(), &attempt.qemu, sizeof attempt.qemu))
        return attempt;
    const UniqueFd qemu(static_cast<int>(syscall(SYS_pidfd_open, attempt.qemu, 0)));
    if (!qemu && errno != ESRCH)
        return fail_errno(errno, "cannot watch the process of QEMU");
    attempt.reached = follow_resumption(reading.get());
    if (!qemu || attempt.reached == Resumption::runs)
        return attempt;
    const auto left = end_what_is_left(qemu);
    if (!left)
        return std::unexpected(left.error());
    attempt.was_left = *left;
    return attempt;
}

// For a failure that is not the state's fault: the state is still there, or was used and is gone
// for good.
int fail_to_resume(const SavedState &saved, const Attempt &attempt) {
    if (is_to_stop())
        return EXIT_SUCCESS;
    if (!saved.exists())
        return complain(EX_UNAVAILABLE,
                        "the VM has ended right after it was resumed; its next start boots");
    return complain(
        EX_UNAVAILABLE,
        fmt::format("the VM could not be resumed{}; its state is still in {}, for the next start. "
                    "Without that file, it boots",
                    attempt.was_left ? ", as its companion has ended, and QEMU was ended then"
                    : attempt.reached == Resumption::given
                        ? ": QEMU has ended while it loaded the state, and has not said that the "
                          "state is no good"
                        : ", for a reason that QEMU gives above",
                    saved.path()));
}

}  // namespace

// The child becomes the service's main process when the guest runs.
std::optional<int> try_to_resume(const HelperOptions &options, const std::string &companion,
                                 const BecomeQemu &become_qemu) {
    const SavedState saved(hibernation_path(options.vm));
    const auto file = saved.open();
    // A state that cannot be opened may be readable tomorrow: the guest must not boot without it.
    if (!file)
        return complain(EX_NOINPUT, fmt::format("{}; mend that, or move the file away, and the VM "
                                                "boots",
                                                file.error().message));
    if (!*file)
        return std::nullopt;
    HelperOptions of_state = options;
    if (is_of_0_7(file->get()))
        add_networks_of_0_7(of_state);
    HelperOptions of_machine = of_state;
    const bool is_of_version = use_machine_of_state(file->get(), of_machine.qemu);
    auto attempt = attempt_to_resume(of_machine, become_qemu);
    // A QEMU that does not know that machine ends before it answers, and would do so each time.
    if (attempt && !attempt->reached && !attempt->was_left && is_of_version && saved.exists() &&
        !is_to_stop()) {
        fmt::print(stderr,
                   "<4>qemunit-helper: QEMU did not begin as the machine that was saved, {}; "
                   "trying that of the ini file.\n",
                   machine_of_state(file->get()));
        attempt = attempt_to_resume(of_state, become_qemu);
    }
    if (!attempt)
        return complain(EX_OSERR, attempt.error().message);
    if (attempt->reached == Resumption::runs) {
        // The companion's program tells systemd the new main process, and ends when systemd knows.
        std::string main_pid = fmt::format("{}{}", kMainPid, attempt->qemu);
        std::string program = companion;
        char *const argv[] = {program.data(), main_pid.data(), nullptr};
        execv(program.c_str(), argv);
        return complain(EX_OSERR, fmt::format("cannot run {}: {}", program, std::strerror(errno)));
    }
    if (is_to_stop())
        return fail_to_resume(saved, *attempt);
    if (attempt->reached == Resumption::unfit)
        return complain(
            EX_CONFIG,
            fmt::format("the guest that is saved would go on over disks that it does not know, and "
                        "damage them; put them back as they were, or delete {}, and the VM boots",
                        saved.path()));
    if (attempt->reached != Resumption::refused)
        return fail_to_resume(saved, *attempt);
    // Somebody counts on that one: the guest does not boot in its place.
    if (saved.was_asked_for())
        return complain(EX_CONFIG,
                        fmt::format("the guest that was hibernated could not go on; undo what has "
                                    "changed in the ini file or of QEMU since, or move {} away, "
                                    "and the VM boots",
                                    saved.path()));
    return set_aside(saved, LOG_ERR, "the VM could not be resumed from where it was");
}

std::optional<int> set_aside(const SavedState &saved, int priority, std::string_view why) {
    const auto name = saved.set_aside();
    if (!name)
        return complain(
            EX_CANTCREAT,
            fmt::format("{}, but its state cannot be set aside: {}; move that file away, "
                        "and the VM boots",
                        why, name.error().message));
    if (!name->empty())
        fmt::print(stderr, "<{}>qemunit-helper: {}; its state is set aside as {}, and it boots.\n",
                   priority, why, *name);
    return std::nullopt;
}

}  // namespace qemunit::helper
