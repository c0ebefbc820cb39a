// SPDX-License-Identifier: MIT
//
// qemunit-helper: ExecStart= of qemu@.service. One straight way from systemd's sockets to
// execv(QEMU), with the companion started before. Nothing of the helper is left in the main process
// beside QEMU. Each way it can fail is one sentence on standard error, which is the journal.
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/close_range.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "common/concat.h"
#include "common/files/arrival_record.h"
#include "common/files/copy_mark.h"
#include "common/files/move_record.h"
#include "common/files/new_file.h"
#include "common/paths.h"
#include "common/shared_names.h"
#include "helper/handover/companion_command.h"
#include "helper/handover/options.h"
#include "helper/handover/saved_state.h"
#include "helper/handover/supervision.h"
#include "helper/handover/upgrade_obstacle.h"
#include "helper/start/accelerators.h"
#include "helper/start/advice.h"
#include "helper/start/drive_images.h"
#include "helper/start/ending.h"
#include "helper/start/handed.h"
#include "helper/start/incoming.h"
#include "helper/start/kvm.h"
#include "helper/start/last_exec.h"
#include "helper/start/listening_sockets.h"
#include "helper/start/mounted.h"
#include "helper/start/resumption.h"
#include "helper/start/shared_memory.h"
#include "helper/start/succession_start.h"
#include "helper/start/taps.h"
#include "helper/start/usb_devices.h"
#include "helper/start/wiring.h"

namespace {

using namespace qemunit;
using namespace qemunit::helper;

std::vector<char *> pointers_to(const std::vector<std::string> &words) {
    std::vector<char *> pointers;
    for (const std::string &word : words)
        pointers.push_back(const_cast<char *>(word.c_str()));  // execv() takes them as char *const
    pointers.push_back(nullptr);
    return pointers;
}

// The companion: a program beside this one, which gets the options of this one.
struct CompanionProgram {
    std::string path;
    std::vector<std::string> told;
};

struct CompanionExec {
    std::vector<char *> argv;
    const CompanionFds &fds;
    int error = 0;
};

int exec_companion(void *userdata) {
    auto *exec = static_cast<CompanionExec *>(userdata);
    for (const auto &[name, fd] : exec->fds)
        fcntl(fd.get(), F_SETFD, 0);
    execv(exec->argv.front(), exec->argv.data());
    exec->error = errno;
    return EXIT_FAILURE;
}

// The companion is systemd's child, as this process is: a child of QEMU would leave a zombie, and
// send a SIGCHLD that QEMU does not expect. Otherwise this is vfork(2): this process waits until
// the other one has executed the program.
Result<> start_companion(const CompanionProgram &program, const CompanionFds &fds) {
    std::vector<std::string> words = companion_arguments(getpid(), fds, program.told);
    words.insert(words.begin(), program.path);
    CompanionExec exec{pointers_to(words), fds};
    alignas(16) std::array<std::byte, std::size_t{64} << 10> stack;
    if (clone(exec_companion, stack.data() + stack.size(),
              CLONE_PARENT | CLONE_VM | CLONE_VFORK | SIGCHLD, &exec) < 0)
        return fail_errno(errno, "cannot fork the companion");
    if (exec.error != 0)
        return fail_errno(exec.error, "cannot run " + program.path);
    return {};
}

// What QEMU gets open, beside its sockets.
struct OpenFiles {
    OpenImages images;
    Taps taps;
    UsbDevices usb_devices = {};
    std::vector<UniqueFd> of_caller = {};
};

// Exactly these fds survive the exec, whatever else was open.
Result<> pass_only(const std::vector<UniqueFd> &fds, const OpenFiles &files) {
    if (close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) != 0)
        return fail_errno(errno, "cannot mark the open files close-on-exec");
    std::vector<int> kept;
    for (const UniqueFd &fd : fds)
        kept.push_back(fd.get());
    for (const OpenImage &image : files.images)
        kept.push_back(image.fd.get());
    for (const UniqueFd &tap : files.taps.fds)
        kept.push_back(tap.get());
    for (const UniqueFd &device : files.usb_devices.fds)
        kept.push_back(device.get());
    for (const UniqueFd &fd : files.of_caller)
        kept.push_back(fd.get());
    for (const int fd : kept)
        if (fcntl(fd, F_SETFD, 0) != 0)
            return fail_errno(errno, fmt::format("cannot pass on fd {}", fd));
    return {};
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
    for (const auto &[unit, socket] : options.needs)
        if (std::string missing = missing_part_advice(unit, socket, options.scope);
            !missing.empty())
            return fail(ENOENT, std::move(missing));
    if (options.uefi_variables.empty())
        return {};
    return copy_once(options.uefi_variables, uefi_variables_path(options.vm));
}

void mask_signals(int how, std::initializer_list<int> numbers) {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : numbers)
        sigaddset(&signals, number);
    sigprocmask(how, &signals, nullptr);
}

Error run_qemu(const std::vector<std::string> &command, MakesSockets sockets) {
    // The companion speaks for the service, QEMU does not.
    for (const char *name : {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"})
        unsetenv(name);
    // SIGHUP stays blocked: it would make QEMU quit, and is not for QEMU (see main()).
    mask_signals(SIG_UNBLOCK, {kStopSignal});
    std::vector<std::string> programs{command.front()};
    // On Debian 12 the name of i386 is a shell script that runs this program; but there is one
    // exec, and no shell in the sandbox.
    const std::size_t slash = command.front().rfind('/');
    if (command.front().substr(0, slash) == kQemuBinDir)
        programs.insert(programs.begin(),
                        std::string(kQemuLibexecDir) + command.front().substr(slash));
    std::optional<MakesSockets> filter = sockets;
    if (const char *const wanted = std::getenv("QEMUNIT_FILTER");
        wanted && wanted == std::string_view("no"))
        filter.reset();
    Error error = execute_last(programs, pointers_to(command), filter);
    if (error.code == ENOENT)
        error.message += "; is QEMU for this architecture installed?";
    return error;
}

// What a QEMU that takes the guest over while it runs would need of this start (Successors).
// Nothing where that cannot be.
Result<CompanionFds> keep_for_successor(const ListeningSockets &sockets, const OpenImages &images) {
    CompanionFds kept;
    const auto keep = [&](std::string name, const UniqueFd &fd) {
        UniqueFd copy(fcntl(fd.get(), F_DUPFD_CLOEXEC, 0));
        const bool is_kept = static_cast<bool>(copy);
        kept.insert_or_assign(std::move(name), std::move(copy));
        return is_kept;
    };
    for (const std::string_view name : {kMonitorSocket, kQmpSocket, kControlSocket})
        if (const auto socket = sockets.find(std::string(name)); socket != sockets.end())
            if (!keep(kept_socket_fd(name), socket->second))
                return fail_errno(errno, "cannot keep the sockets");
    for (const OpenImage &image : images)
        if (!keep(kept_image_fd(image.file.set), image.fd))
            return fail_errno(errno, "cannot keep the images");
    return kept;
}

// For a saved state, which fits only these images as they are. One that cannot be looked at is not
// compared; nor is what can be taken out while the VM runs, and shall not be kept then: CDs.
void show_images(CompanionFds &companion, const OpenImages &images) {
    for (const OpenImage &image : images) {
        if (!image.file.write && !image.file.is_backing())
            continue;
        if (UniqueFd look(
                open(fmt::format("/proc/self/fd/{}", image.fd.get()).c_str(), O_PATH | O_CLOEXEC));
            look)
            companion.insert_or_assign(concat(image.file.write ? kWrittenImageFd : kReadImageFd,
                                              image.file.drive, ":", image.file.path),
                                       std::move(look));
    }
}

// What a companion gets of this start alone.
struct Beginning {
    UniqueFd resumed;  // where it says that the guest runs again, if there is a saved state
    UniqueFd caller;
    std::optional<IncomingVm> incoming;
};

int execute_qemu(const HelperOptions &options, const Wiring &wiring, const OpenFiles &files) {
    if (auto passed = pass_only(wiring.qemu.fds, files); !passed)
        return complain(EX_OSERR, passed.error().message);
    std::vector<std::string> command = options.qemu;
    command.insert(command.begin() + 1, wiring.qemu.arguments.begin(), wiring.qemu.arguments.end());
    command.insert(command.begin() + 1, files.taps.arguments.begin(), files.taps.arguments.end());
    command.insert(command.begin() + 1, files.usb_devices.arguments.begin(),
                   files.usb_devices.arguments.end());
    if (is_to_stop())
        return EXIT_SUCCESS;
    return complain(
        EX_UNAVAILABLE,
        run_qemu(command, options.has_caller ? MakesSockets::no : MakesSockets::yes).message);
}

// Returns only after a failure, with the exit code.
int become_qemu(const HelperOptions &options, const CompanionProgram &companion,
                ListeningSockets sockets, const OpenFiles &files, Beginning beginning) {
    CompanionFds kept;
    if (options.shares_memory) {
        auto keeping = keep_for_successor(sockets, files.images);
        if (!keeping)
            return complain(EX_OSERR, keeping.error().message);
        kept = std::move(*keeping);
    }
    auto wiring = wire(options, std::move(sockets), files.images);
    if (!wiring)
        return complain(EX_OSERR, wiring.error().message);
    wiring->companion.merge(kept);
    show_images(wiring->companion, files.images);
    for (const std::string &warning : wiring->warnings)
        fmt::print(stderr, "<4>qemunit-helper: {}\n", warning);
    // How the state is handed over depends on QEMU's version, which the companion will know.
    // -S: a guest that was saved while it ran waits, too, until the state is retired; and one that
    // comes from another host, until that one has given it away.
    if (beginning.resumed || beginning.incoming)
        wiring->qemu.arguments.insert(wiring->qemu.arguments.end(), {"-incoming", "defer", "-S"});
    if (beginning.resumed)
        wiring->companion.insert_or_assign(kResumedFd, std::move(beginning.resumed));
    if (beginning.caller)
        wiring->companion.insert_or_assign(kCallerFd, std::move(beginning.caller));
    if (auto &incoming = beginning.incoming) {
        wiring->companion.insert_or_assign(
            fmt::format("{}{}:{}:{}", kIncomingFd, incoming->move.token, incoming->move.vm,
                        incoming->move.host),
            std::move(incoming->connection));
        wiring->companion.insert_or_assign(kMigrateFd, std::move(incoming->listener));
        if (!incoming->copies.empty())
            wiring->companion.insert_or_assign(
                fmt::format("{}{}", kCopiesFd, copied_images_text(incoming->copies)),
                std::move(incoming->copy_listener));
    }
    if (auto started = start_companion(companion, wiring->companion); !started)
        return complain(EX_OSERR, started.error().message);
    wiring->companion.clear();
    return execute_qemu(options, *wiring, files);
}

// The QEMU that takes a running guest over. There is a companion already, which gets its ends of
// all that connects it with this QEMU, and this process's number; and watches over the rest.
int succeed(const std::vector<std::string> &words) {
    const auto order = parse_successor_argument(words.front());
    auto command = parse_companion_arguments({words.begin() + 1, words.end()});
    if (!order || !command)
        return complain(EX_USAGE, order ? command.error().message : order.error().message);
    auto succession = take_succession(*order, std::move(*command));
    if (!succession)
        return complain(EX_OSERR, succession.error().message);
    // By which the guest runs is known, and must not change.
    if (order->accelerator == "tcg")
        leave_out_kvm(succession->options.qemu);
    else
        leave_out_accelerator(succession->options.qemu, "tcg");
    auto wiring = wire(succession->options, std::move(succession->sockets), succession->images);
    if (!wiring)
        return complain(EX_OSERR, wiring.error().message);
    wiring->qemu.arguments.insert(wiring->qemu.arguments.end(), succession->arguments.begin(),
                                  succession->arguments.end());
    if (auto sent = send_ends(succession->answer.get(), wiring->companion); !sent)
        return complain(EX_OSERR, sent.error().message);
    wiring->companion.clear();
    const OpenFiles files{
        .images = std::move(succession->images), .taps = {}, .usb_devices = {}, .of_caller = {}};
    return execute_qemu(succession->options, *wiring, files);
}

// A VM of `qemunitctl run` has no state, and no sockets of systemd's.
int run_for_caller(HelperOptions &options, const CompanionProgram &companion) {
    auto handed = take_handed();
    if (!handed)
        return complain(EX_UNAVAILABLE, handed.error().message);
    const OpenFiles files{.images = {}, .taps = {}, .of_caller = std::move(handed->files)};
    return become_qemu(options, companion, std::move(handed->sockets), files,
                       {.resumed = {}, .caller = std::move(handed->caller), .incoming = {}});
}

std::string unfinished_copy_text(const HelperOptions &options, const CopyMark &mark) {
    const auto copy = mark.read();
    const std::string path = options.scope == Scope::system
                                 ? unfinished_copy_path_in(Paths().state_dir(options.vm))
                                 : mark.path();
    return fmt::format(
        "the VM's disks here are a copy that was not finished, from {}: have that host migrate the "
        "VM again with --copy-storage; or, to give the copy up, delete its images and {}, and the "
        "VM starts with what its ini file says",
        copy ? copy->move.host : "another host", path);
}

// EX_CONFIG: RestartPreventExitStatus= of the unit. A guest that is not here must not boot here.
int take_over(HelperOptions &options, const CompanionProgram &companion, ListeningSockets sockets,
              const OpenFiles &files, const SavedState &saved, std::optional<IncomingVm> incoming) {
    if (saved.exists())
        return complain(EX_CONFIG,
                        fmt::format("the VM is hibernated here; what {} has would not be "
                                    "the same any more",
                                    saved.path()));
    if (const CopyMark mark(own_state_dir(options.vm)); incoming->copies.empty()) {
        if (mark.counts())
            return complain(EX_CONFIG, unfinished_copy_text(options, mark));
        if (const auto removed = mark.remove(); !removed)
            return complain(EX_NOINPUT, removed.error().message);
    }
    if (auto taken = take_over_machine(*incoming, options.qemu, wants_kvm(options.qemu)); !taken)
        return complain(EX_CONFIG, taken.error().message);
    fmt::print(stderr, "<5>qemunit-helper: the VM comes from {}.\n", incoming->move.host);
    return become_qemu(options, companion, std::move(sockets), files,
                       {.resumed = {}, .caller = {}, .incoming = std::move(incoming)});
}

std::string moved_away_text(const HelperOptions &options, const MoveRecord &gone) {
    const auto move = gone.read();
    return fmt::format(
        "the VM has moved to {}, and is started there; if it is gone for good there, "
        "delete {}, and it boots here, from the disks as they are here",
        move ? fmt::format("{} as {}", move->host, move->vm) : "another host",
        options.scope == Scope::system ? moved_away_path_in(Paths().state_dir(options.vm))
                                       : gone.path());
}

}  // namespace

int main(int argc, char **argv) {
    // A process of systemd's that has not executed this program yet ignores the signal to stop, and
    // ends by the SIGHUP that comes with it (SendSIGHUP= of the unit). From here on, SIGHUP is of
    // no use.
    mask_signals(SIG_BLOCK, {kStopSignal, SIGHUP});
    // While a saved state is loaded, this process waits beside QEMU, of the same user: QEMU must
    // not write into its memory (proc(5)). An exec takes this back. Where the program has the mode
    // that it is installed with, this is so from the exec on.
    prctl(PR_SET_DUMPABLE, 0);
    if (argc > 1 && std::string_view(argv[1]).starts_with(kSuccessor))
        return succeed({argv + 1, argv + argc});
    auto options = parse_helper_options({argv + 1, argv + argc});
    if (!options)
        return complain(EX_USAGE, options.error().message);
    if (options->mode == HelperOptions::Mode::help) {
        fmt::print("{}", helper_help());
        return EXIT_SUCCESS;
    }
    if (options->mode == HelperOptions::Mode::version) {
        fmt::print("qemunit-helper {}\n", kVersion);
        return EXIT_SUCCESS;
    }

    const std::string self = argv[0];
    const CompanionProgram companion{self.substr(0, self.rfind('/') + 1) + "qemunit-companion",
                                     {argv + 1, argv + argc}};
    if (auto prepared = prepare(*options); !prepared)
        return complain(EX_CANTCREAT, prepared.error().message);
    if (options->has_caller)
        return run_for_caller(*options, companion);
    auto passed = take_passed_fds();
    if (!passed)
        return complain(EX_UNAVAILABLE, passed.error().message);
    if (auto checked = check_mounted(options->mounted, passed->files); !checked)
        return complain(EX_NOINPUT, checked.error().message);
    OpenFiles files{.images = {}, .taps = take_taps(passed->files, options->qemu)};
    auto usb_devices = take_usb_devices(passed->files, options->qemu, options->optional_devices);
    if (!usb_devices)
        return complain(EX_NOINPUT, usb_devices.error().message);
    files.usb_devices = std::move(*usb_devices);
    auto images = open_images(*options, std::move(passed->files));
    if (!images)
        return complain(EX_NOINPUT, images.error().message);
    files.images = std::move(*images);
    if (auto completed = complete_drives(options->qemu, files.images); !completed)
        return complain(EX_DATAERR, completed.error().message);
    options->shares_memory = upgrade_obstacle(*options).empty() &&
                             hands_over_guests(options->qemu.front()) &&
                             share_memory(options->qemu);
    for (const std::string &note : size_notes(*options, files.images))
        fmt::print(stderr, "<5>qemunit-helper: {}\n", note);
    const SavedState saved(hibernation_path(options->vm));
    saved.remove_leftovers();
    auto incoming = take_incoming(passed->sockets);
    if (!incoming)
        return complain(EX_CONFIG, incoming.error().message);
    if (*incoming)
        return take_over(*options, companion, std::move(passed->sockets), files, saved,
                         std::move(*incoming));
    if (const MoveRecord gone(moved_away_path_in(own_state_dir(options->vm))); gone.exists())
        return complain(EX_CONFIG, moved_away_text(*options, gone));
    if (const CopyMark mark(own_state_dir(options->vm)); mark.counts())
        return complain(EX_CONFIG, unfinished_copy_text(*options, mark));
    else if (const auto removed = mark.remove(); !removed)
        return complain(EX_NOINPUT, removed.error().message);
    // A guest that stands still on another host must not go on there once this one has run.
    if (const auto forgotten = ArrivalRecord(own_state_dir(options->vm)).forget_others({});
        !forgotten)
        return complain(EX_NOINPUT, forgotten.error().message);
    if (!options->not_saved.empty() && saved.was_asked_for())
        return complain(EX_CONFIG, fmt::format("the VM is hibernated, and cannot go on with {}; "
                                               "take that out of the ini file, or move {} away, "
                                               "and the VM boots",
                                               options->not_saved, saved.path()));
    std::optional<int> exit_code;
    if (options->stop == StopMode::hibernate || saved.was_asked_for())
        exit_code = try_to_resume(
            *options, companion.path, [&](const HelperOptions &of_state, UniqueFd resumed) {
                return become_qemu(of_state, companion, std::move(passed->sockets), files,
                                   {.resumed = std::move(resumed), .caller = {}, .incoming = {}});
            });
    else if (saved.exists())
        exit_code =
            set_aside(saved, LOG_WARNING, "the VM was hibernated, but has Stop=hibernate no more");
    if (exit_code)
        return *exit_code;
    return become_qemu(*options, companion, std::move(passed->sockets), files,
                       {.resumed = {}, .caller = {}, .incoming = {}});
}
