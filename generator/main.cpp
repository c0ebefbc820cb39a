// SPDX-License-Identifier: MIT
//
// qemunit-generator: systemd runs it at boot and at every daemon-reload, and people run it to check
// what they wrote. generation.h is the part for systemd. This file and that one log, and decide
// exit codes; no other does. The generator must never wait, since PID 1 waits for the generator.
#include <fmt/format.h>
#include <sys/utsname.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string_view>

#include "common/concat.h"
#include "common/files/journal_wait.h"
#include "common/files/mount_namespace.h"
#include "common/shared_names.h"
#include "common/user_paths.h"
#include "common/vm_name.h"
#include "generator/check/conflicts.h"
#include "generator/check/host.h"
#include "generator/check/run.h"
#include "generator/check/shared_images.h"
#include "generator/empty_state.h"
#include "generator/generation.h"
#include "generator/load.h"
#include "generator/log.h"
#include "generator/missing_unit.h"
#include "generator/options.h"
#include "generator/read/search.h"
#include "generator/running/running_vms.h"
#include "generator/units/namespaces.h"
#include "generator/units/render.h"
#include "generator/vm/host_id.h"
#include "generator/vm/machine.h"

namespace {

using namespace qemunit;
using namespace qemunit::generator;

constexpr int kExitUsage = 2;

Architecture this_machine() {
    if (const char *architecture = std::getenv("SYSTEMD_ARCHITECTURE"))
        return host_architecture(architecture);
    utsname name{};
    uname(&name);
    return host_architecture(name.machine);
}

// "system" or "user": which manager runs us (systemd.generator(7), since v251). "": a person does.
std::string_view scope_by_systemd() {
    const char *scope = std::getenv("SYSTEMD_SCOPE");
    return scope == nullptr ? "" : scope;
}

Log::Reader reader_of_log() {
    if (scope_by_systemd().empty())
        return Log::Reader::person;
    return scope_by_systemd() == "user" ? Log::Reader::journal : Log::Reader::kernel_log;
}

Paths paths_for(const GeneratorOptions &options) {
    return options.user || scope_by_systemd() == "user" ? user_paths() : Paths();
}

void log_all(const Log &log, const Diagnostics &diagnostics) {
    for (const Diagnostic &diagnostic : diagnostics)
        log.write(diagnostic);
}

// The VMs beside those that are checked. Messages about these other VMs are left out.
void add_other_vms(const std::vector<std::string> &checked, const Paths &paths,
                   const std::optional<HostId> &host_id, FirmwareCatalog &firmware,
                   Conflicts &conflicts) {
    Diagnostics ignored;
    std::set<std::string> names;
    for (const std::string &path : checked)
        names.insert(single_file(path, ignored).name);
    for (const VmSource &source : find_vms("", paths, ignored))
        if (!names.contains(source.name))
            if (const auto vm =
                    load_vm(source, "", paths, this_machine(), host_id, firmware, ignored))
                conflicts.add(*vm, ignored);
}

int check(const GeneratorOptions &options, const Log &log) {
    bool failed = false;
    const Paths paths = paths_for(options);
    FirmwareCatalog firmware("");
    const auto host_id = read_host_id("");
    Conflicts conflicts;
    add_other_vms(options.arguments, paths, host_id, firmware, conflicts);
    for (const std::string &path : options.arguments) {
        Diagnostics diagnostics;
        const VmSource source = single_file(path, diagnostics);
        const auto vm = load_vm(source, "", paths, this_machine(), host_id, firmware, diagnostics);
        if (vm) {
            conflicts.add(*vm, diagnostics);
            check_host(*vm, this_machine(), diagnostics);
        }
        log_all(log, diagnostics);
        failed = failed || has_errors(diagnostics);
    }
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

// systemd makes the state directory for each command of a start, also of one that fails.
void remove_empty_state(const std::string &vm, const Period &start) {
    const char *state = std::getenv("STATE_DIRECTORY");
    if (state != nullptr && remove_if_made_in(start, state))
        (void)!unlink(Paths().state_link(vm).c_str());
}

int explain(const GeneratorOptions &options, const Log &log) {
    const Paths paths = paths_for(options);
    if (geteuid() == 0 && options.root.empty() && !paths.is_of_user() && !join_mounts_of_manager())
        log.write(
            Severity::warning,
            fmt::format("cannot leave the file systems of qemu@.service: {}; ini files may be "
                        "there all the same",
                        std::strerror(errno)));
    log_all(log,
            missing_unit_reasons(options.arguments.front(), options.root, paths, this_machine()));
    wait_for_journald();
    remove_empty_state(options.arguments.front(), this_start());
    return EX_CONFIG;
}

// qemu-failure@.service (OnFailure= of qemu@.service) runs this after a VM has failed, with
// systemd's word for the failure in the environment (systemd.exec(5)). Says something only if QEMU
// has refused its command line: QEMU ends with status 1 then; or if what the VM needs beside QEMU
// was not there, which the helper and qemunit-open say by theirs.
int explain_failure(const GeneratorOptions &options, const Log &log) {
    const auto is = [](const char *variable, std::string_view value) {
        const char *text = std::getenv(variable);
        return text != nullptr && text == value;
    };
    // The template's user is none for a name with a dot, or a long one: no command of a unit
    // without a drop-in has run, and so none has said why there is no drop-in.
    const std::string unit = service_unit(options.arguments.front());
    if (is("MONITOR_SERVICE_RESULT", "resources") &&
        access(fmt::format("/run/systemd/generator/{}.d/{}", unit, kDropInName).c_str(), F_OK) !=
            0) {
        log_all(log, missing_unit_reasons(options.arguments.front(), "", paths_for(options),
                                          this_machine()));
        return EXIT_SUCCESS;
    }
    // Nothing is said of a process if it was one before QEMU's, as qemunit-open.
    const bool was_before_qemu = std::getenv("MONITOR_EXIT_CODE") == nullptr;
    if (!is("MONITOR_SERVICE_RESULT", "exit-code") ||
        !(was_before_qemu || is("MONITOR_EXIT_CODE", "exited")))
        return EXIT_SUCCESS;
    const Paths paths = paths_for(options);
    remove_empty_state(options.arguments.front(), last_start(unit));
    // Of QEMU; of ours (sysexits.h): EX_DATAERR and EX_NOINPUT of an image, EX_CANTCREAT of a part
    // that is not up.
    constexpr std::string_view kSaid[] = {"1", "65", "66", "73"};
    const auto is_said = [&](std::string_view status) {
        return is("MONITOR_EXIT_STATUS", status);
    };
    if (!was_before_qemu && std::ranges::none_of(kSaid, is_said))
        return EXIT_SUCCESS;
    Diagnostics ignored, found;
    const auto host_id = read_host_id("");
    FirmwareCatalog firmware("");
    const auto load = [&](const VmSource &source) {
        return load_vm(source, "", paths, this_machine(), host_id, firmware, ignored);
    };
    const auto sources = find_vms("", paths, ignored);
    const auto own = std::ranges::find(sources, options.arguments.front(), &VmSource::name);
    const auto vm = own == sources.end() ? std::nullopt : load(*own);
    if (vm) {
        check_host(*vm, this_machine(), found, CheckFor::failed_start);
        const RunningVms running = RunningVms::find("", paths);
        for (const VmSource &source : sources)
            if (source.name != vm->name && running.all().contains(source.name))
                if (const auto other = load(source))
                    check_shared_images(*vm, *other, found);
    }
    for (const Diagnostic &diagnostic : found)
        fmt::print(stderr, "<3>{}\n", to_string(diagnostic));
    return EXIT_SUCCESS;
}

// For `qemunitctl run`, which has systemd make a transient unit: with the name come the settings of
// our drop-ins for such names, all that stands in qemu@.service. Each word has a NUL behind it.
int print_run(const GeneratorOptions &options, const Log &log) {
    const Paths paths = paths_for(options);
    Diagnostics diagnostics;
    FirmwareCatalog firmware("");
    const std::string &name = options.arguments.front();
    const auto vm = load_vm({"run-" + name, "/dev/stdin", {}}, "", paths, this_machine(),
                            read_host_id(""), firmware, diagnostics);
    const Architecture host = this_machine();
    if (vm)
        check_run(*vm, diagnostics);
    log_all(log, diagnostics);
    if (!vm || has_errors(diagnostics))
        return EXIT_FAILURE;
    const bool has_sandbox = paths.is_of_user() && namespaces_of_user() == Namespaces::available;
    std::string text = concat("qemu-run-", has_sandbox ? "boxed-" : "", name, ".service");
    text += '\0';
    for (const std::string &word : run_command(*vm, host)) {
        text += word;
        text += '\0';
    }
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
                   std::fflush(stdout) == 0
               ? EXIT_SUCCESS
               : EXIT_FAILURE;
}

}  // namespace

int main(int argc, char **argv) {
    const auto options = parse_generator_options({argv + 1, argv + argc});
    if (!options) {
        fmt::print(stderr, "qemunit-generator: {}\n", options.error().message);
        return kExitUsage;
    }
    switch (options->mode) {
        case GeneratorOptions::Mode::version:
            fmt::print("qemunit-generator {}\n", kVersion);
            return EXIT_SUCCESS;
        case GeneratorOptions::Mode::help:
            fmt::print("{}", generator_help());
            return EXIT_SUCCESS;
        case GeneratorOptions::Mode::check:
            return check(*options, Log(Log::Reader::person));
        case GeneratorOptions::Mode::explain:
            return explain(*options, Log(Log::Reader::person));
        case GeneratorOptions::Mode::explain_failure:
            return explain_failure(*options, Log(Log::Reader::person));
        case GeneratorOptions::Mode::print_run:
            return print_run(*options, Log(Log::Reader::person));
        case GeneratorOptions::Mode::dry_run:
            return generate(*options, paths_for(*options), this_machine(),
                            Log(Log::Reader::person));
        case GeneratorOptions::Mode::generate:
            return generate(*options, paths_for(*options), this_machine(), Log(reader_of_log()));
    }
    return EXIT_FAILURE;
}
