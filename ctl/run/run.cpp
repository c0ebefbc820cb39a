// SPDX-License-Identifier: MIT
#include "ctl/run/run.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <utility>

#include "common/files/disk_image.h"
#include "common/paths.h"
#include "common/run/protocol.h"
#include "common/shared_names.h"
#include "common/usernet/options.h"
#include "ctl/run/architecture.h"
#include "ctl/run/command.h"
#include "ctl/run/debugger_socket.h"
#include "ctl/run/handover.h"
#include "ctl/run/initrd.h"
#include "ctl/run/jobs.h"
#include "ctl/run/junit.h"
#include "ctl/run/kernel.h"
#include "ctl/run/machine.h"
#include "ctl/run/output_folder.h"
#include "ctl/run/report_file.h"
#include "ctl/run/root_view.h"
#include "ctl/run/session.h"
#include "ctl/run/terminal_size.h"
#include "ctl/run/transient_unit.h"
#include "ctl/run/verdict.h"
#include "ctl/vm/vm_bus.h"
#include "ctl/vm/whole_file.h"

namespace qemunit::ctl {

namespace {

std::string variable_or_none(const char *name) {
    const char *value = std::getenv(name);
    return value ? value : "";
}

Result<std::string> random_id() {
    uint32_t number = 0;
    if (getrandom(&number, sizeof number, 0) != sizeof number)
        return fail_errno(errno, "cannot get random numbers");
    return fmt::format("{:08x}", number);
}

// A file, or the file of a VM.
Result<std::string> read_ini(const RunRequest &request, const Paths &paths) {
    if (request.ini.empty())
        return "";
    if (request.ini.find('/') == request.ini.npos)
        for (const std::string &folder : paths.config_dirs())
            if (const std::string path = fmt::format("{}/{}.ini", folder, request.ini);
                access(path.c_str(), F_OK) == 0)
                return read_whole(path);
    return read_whole(request.ini);
}

class Run {
  public:
    // Whether the unit has the settings that need namespaces, where they seem to be there.
    enum class Boxed { yes, no };

    Run(RunRequest request, Invocation invocation, Boxed boxed)
        : request_(std::move(request)), invocation_(std::move(invocation)), boxed_(boxed) {}

    bool was_boxed() const { return was_boxed_; }

    Result<Ending> run() {
        auto prepared = prepare();
        if (!prepared)
            return std::unexpected(prepared.error());
        auto bus = open_bus(invocation_);
        if (!bus)
            return std::unexpected(bus.error());
        if (auto held = hold_signals(); !held)
            return std::unexpected(held.error());
        if (auto started = start(bus->get(), *prepared); !started)
            return std::unexpected(started.error());
        if (!debugger_.path.empty())
            fmt::print(stderr, "The guest waits for: gdb {}-ex 'target remote {}'\n",
                       access("vmlinux", R_OK) == 0 ? "vmlinux " : "", debugger_.path);
        auto ending = run_session(std::move(ends_), {.timeout_usec = request_.timeout_usec,
                                                     .timeout = request_.timeout,
                                                     .events = events_.get(),
                                                     .shows_console = request_.shows_console,
                                                     .has_terminal = request_.has_terminal});
        if (ending && is_silent_failure(*ending))
            ending->text =
                fmt::format("journalctl {}-u {}", is_of_user() ? "--user " : "", prepared->unit);
        // If not even the end of the VM is known, QEMU may still write.
        if (output_ && ending)
            if (auto collected = output_->collect(); !collected)
                return std::unexpected(collected.error());
        return ending;
    }

  private:
    bool is_of_user() const { return invocation_.bus == Invocation::Bus::user; }

    Result<RunCommand> prepare() {
        if (request_.has_terminal && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
            return fail(ENOTTY, "--terminal is for a standard input and output that are one");
        const auto kernel =
            find_kernel(request_.kernel, request_.host_kernel, request_.architecture);
        if (!kernel)
            return std::unexpected(kernel.error());
        const std::string folder = !request_.modules.empty() ? request_.modules
                                   : kernel->version.empty() ? ""
                                                             : "/lib/modules/" + kernel->version;
        auto modules =
            folder.empty() ? std::vector<Module>() : read_modules(folder, run_modules(request_));
        if (!modules)
            return std::unexpected(modules.error());
        auto copied = copy_kernel(kernel->path);
        if (!copied)
            return std::unexpected(copied.error());
        machine_.kernel = handover_.add_file(std::move(*copied));
        const std::string architecture =
            request_.architecture.empty() ? architecture_of_this_machine() : request_.architecture;
        machine_.console = console_of(architecture);
        machine_.words = kernel_words_of(architecture);
        if (auto added = add_folders(); !added)
            return std::unexpected(added.error());
        if (auto opened = open_events(); !opened)
            return std::unexpected(opened.error());
        std::error_code error;
        const std::string here = std::filesystem::current_path(error).string();
        auto initrd = make_initrd(request_, *modules,
                                  run_job(request_, machine_, *modules,
                                          {.folder = here.empty() ? "/" : here,
                                           .terminal = variable_or_none("TERM"),
                                           .language = variable_or_none("LANG"),
                                           .host = "guest",
                                           .window = size_of_terminal()}));
        if (!initrd)
            return std::unexpected(initrd.error());
        machine_.initrd = handover_.add_file(std::move(*initrd));
        const auto first = read_ini(request_, paths_of(invocation_));
        if (!first)
            return std::unexpected(first.error());
        const auto id = random_id();
        if (!id)
            return std::unexpected(id.error());
        if (request_.has_network)
            if (auto added = add_network(); !added)
                return std::unexpected(added.error());
        if (request_.has_debugger)
            if (auto added = add_debugger(*id); !added)
                return std::unexpected(added.error());
        auto command = ask_generator(*id, run_ini(request_, machine_, *first), is_of_user());
        if (!command)
            return command;
        was_boxed_ = command->unit.starts_with(kBoxed);
        if (was_boxed_ && boxed_ == Boxed::no) {
            command->unit.replace(0, kBoxed.size(), kPlain);
            was_boxed_ = false;
        }
        return command;
    }

    Result<> add_view(Result<FolderView> view, const std::string &tag,
                      const std::string &path_in_guest, FolderUse use) {
        if (!view)
            return std::unexpected(view.error());
        machine_.folders.push_back({tag, path_in_guest, handover_.add_file(std::move(view->folder)),
                                    use == FolderUse::read});
        tell_lack(view->lack);
        return {};
    }

    // Once, also if the run is tried again.
    void tell_lack(const std::string &lack) {
        if (lack.empty() || std::exchange(has_told_lack_, true) || boxed_ == Boxed::no)
            return;
        fmt::print(stderr,
                   "qemunitctl run: without namespaces ({}), QEMU alone keeps the guest from what "
                   "this user may read and write\n",
                   lack);
    }

    Result<> add_debugger(const std::string &id) {
        auto debugger = DebuggerSocket::make(
            fmt::format("{}/qemunit-run-{}.gdb", paths_of(invocation_).runtime, id));
        if (!debugger)
            return std::unexpected(debugger.error());
        machine_.debugger = handover_.add_file(std::move(debugger->socket));
        debugger_ = std::move(*debugger);
        return {};
    }

    // One end is QEMU's card, the other one of the program that is every VM's user network.
    Result<> add_network() {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
            return fail_errno(errno, "cannot create a socket pair");
        machine_.network = handover_.add_file(UniqueFd(ends[0]));
        network_.reset(ends[1]);
        return {};
    }

    // A unit of its own, which ends when QEMU does, or when there is none.
    Result<> start_network(sd_bus *bus, const RunCommand &vm, int output) {
        const std::string id = vm.unit.substr(kPlain.size());  // "boxed-…", too
        const UniqueFd socket = std::move(network_);
        return start_transient_unit(
            bus, {.name = fmt::format("{}{}", kNetworkUnit, id),
                  .description = "User network of qemunitctl run: " + request_.command.front(),
                  .command = {std::string(kUsernetPath),
                              fmt::format("{}={}", usernet_option::kVm, "run"),
                              fmt::format("{}={}", usernet_option::kNetwork, kRunNetwork),
                              std::string(usernet_option::kConnected)},
                  .input = socket.get(),
                  .output = output});
    }

    Result<> add_image() {
        UniqueFd image = open_image(request_.image);
        if (!image)
            return fail_errno(errno, "cannot read the image " + request_.image);
        const std::string format = format_by_content(image.get());
        if (!backing_by_content(image.get()).path.empty() || has_external_data(image.get()))
            return fail(EINVAL, request_.image +
                                    " is a layer on another image, which the VM does "
                                    "not get; copy it first: qemu-img convert");
        machine_.image_format = format.empty() ? "raw" : format;
        machine_.image = handover_.add_file(std::move(image));
        return {};
    }

    Result<> open_events() {
        if (request_.events.empty())
            return {};
        auto opened = open_event_file(request_.events == "-" ? "/dev/stderr" : request_.events);
        if (!opened)
            return std::unexpected(opened.error());
        events_ = std::move(*opened);
        return {};
    }

    Result<> add_folders() {
        if (!request_.root.empty())
            if (auto added = add_view(open_folder_view(request_.root, FolderUse::read), "run-root",
                                      "", FolderUse::read);
                !added)
                return added;
        if (!request_.image.empty())
            if (auto added = add_image(); !added)
                return added;
        if (!request_.output.empty()) {
            auto output = OutputFolder::open(request_.output);
            if (!output)
                return std::unexpected(output.error());
            output_.emplace(std::move(*output));
            if (auto added = add_view(output_->for_guest(), "run-output", run::kOutputFolder,
                                      FolderUse::write);
                !added)
                return added;
        }
        int number = 0;
        for (const RunShare &share : request_.shares) {
            const std::string tag = fmt::format("run-share-{}", number++);
            const FolderUse use = share.read_only ? FolderUse::read : FolderUse::write;
            if (auto added = add_view(open_folder_view(share.path, use), tag, share.path, use);
                !added)
                return added;
        }
        return {};
    }

    Result<> start(sd_bus *bus, const RunCommand &command) {
        for (const auto &[name, end] :
             {std::pair(run::kInput, &ends_.input), std::pair(run::kOutput, &ends_.output),
              std::pair(run::kErrors, &ends_.errors), std::pair(run::kEvents, &ends_.events),
              std::pair(run::kControl, &ends_.control),
              std::pair(kFirstSerialPort.data(), &ends_.console)}) {
            auto ours = handover_.add_socket(name);
            if (!ours)
                return std::unexpected(ours.error());
            *end = std::move(*ours);
        }
        int ends[2], log[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
            return fail_errno(errno, "cannot create a socket pair");
        ends_.caller.reset(ends[0]);
        const UniqueFd input(ends[1]);
        if (pipe2(log, O_CLOEXEC) != 0)
            return fail_errno(errno, "cannot create a pipe");
        ends_.log.reset(log[0]);
        const UniqueFd output(log[1]);
        if (auto sent = handover_.send(ends_.caller.get()); !sent)
            return sent;
        if (network_)
            if (auto started = start_network(bus, command, output.get()); !started)
                return started;
        return start_transient_unit(
            bus, {.name = command.unit,
                  .description = "VM of qemunitctl run: " + request_.command.front(),
                  .command = command.words,
                  .input = input.get(),
                  .output = output.get()});
    }

    static constexpr std::string_view kBoxed = "qemu-run-boxed-", kPlain = "qemu-run-",
                                      kNetworkUnit = "qemu-runnet-";

    const RunRequest request_;
    const Invocation invocation_;
    const Boxed boxed_;
    bool was_boxed_ = false, has_told_lack_ = false;
    RunMachine machine_;
    RunHandover handover_;
    RunEnds ends_;
    UniqueFd events_, network_;
    std::optional<OutputFolder> output_;
    DebuggerSocket debugger_;
};

double seconds_since(std::chrono::steady_clock::time_point begin) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

int say_not_started(const std::string &why) {
    fmt::print(stderr, "qemunitctl run: {} (exit status {})\n", why, kStatusNotStarted);
    return kStatusNotStarted;
}

const char *variable_here(const char *name) {
    return std::getenv(name);
}

}  // namespace

Result<int> run_run(const Invocation &invocation) {
    Invocation ours = invocation;
    // An ordinary user's VM is that of the user's manager.
    if (geteuid() != 0 && ours.bus == Invocation::Bus::system)
        ours.bus = Invocation::Bus::user;
    if (ours.has("--jobs")) {
        const auto status = run_jobs(ours);
        return status ? *status : say_not_started(status.error().message);
    }
    const auto junit = ReportFile::open(ours.value("--junit"));
    if (!junit)
        return say_not_started(junit.error().message);
    std::error_code error;
    auto request =
        parse_run_request(ours, std::filesystem::current_path(error).string(), variable_here);
    const auto begin = std::chrono::steady_clock::now();
    const std::string words = fmt::format("{}", fmt::join(invocation.arguments, " "));
    const auto run_once = [&](Run::Boxed boxed, bool &was_boxed) -> Result<Ending> {
        if (!request)
            return std::unexpected(request.error());
        Run run(*request, ours, boxed);
        auto ending = run.run();
        was_boxed = run.was_boxed();
        return ending;
    };
    bool was_boxed = false;
    auto ending = run_once(Run::Boxed::yes, was_boxed);
    // The user's manager may have fewer rights than this process: no namespaces. What a guest does
    // is no reason to give it less of a sandbox.
    if (was_boxed && ending && has_never_run(*ending)) {
        fmt::print(stderr,
                   "qemunitctl run: the user's systemd cannot start the VM with namespaces; it "
                   "runs without that part of the sandbox ({} says why)\n",
                   ending->text);
        ending = run_once(Run::Boxed::no, was_boxed);
    }
    std::fflush(stdout);
    const int status = ending ? status_of(*ending) : kStatusNotStarted;
    const std::string report = ending ? report_of(*ending)
                                      : fmt::format("qemunitctl run: {} (exit status {})\n",
                                                    ending.error().message, status);
    fmt::print(stderr, "{}", report);
    const RunReport reported{words, status, seconds_since(begin), report};
    if (auto written = junit->write(junit_text({&reported, 1})); !written) {
        fmt::print(stderr, "qemunitctl run: {}\n", written.error().message);
        return kStatusNotStarted;
    }
    return status;
}

}  // namespace qemunit::ctl
