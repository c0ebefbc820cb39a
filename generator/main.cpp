// SPDX-License-Identifier: MIT
//
// qemunit-generator: run by systemd at boot and at every daemon-reload, and by people to
// check what they wrote. search -> ini -> schema -> VM -> QEMU arguments -> unit text -> write.
// The only file of the generator that logs or decides an exit code. It must never wait: PID 1 does.
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sysexits.h>

#include <cstdlib>
#include <optional>
#include <string_view>

#include "common/user_paths.h"
#include "generator/explain.h"
#include "generator/host_check.h"
#include "generator/host_claims.h"
#include "generator/load.h"
#include "generator/log.h"
#include "generator/machine.h"
#include "generator/namespaces.h"
#include "generator/options.h"
#include "generator/output.h"
#include "generator/render.h"
#include "generator/search.h"

namespace {

using namespace qemunit;

constexpr int kExitUsage = 2;

Architecture this_machine() {
    if (const char *architecture = std::getenv("SYSTEMD_ARCHITECTURE"))
        return host_architecture(architecture);
    utsname name{};
    uname(&name);
    return host_architecture(name.machine);
}

// "system", "user": set by the manager for the generators that it runs (systemd.generator(7),
// since v251). "": not run by one.
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

// Another system (--root=) cannot be tried.
Namespaces namespaces_for(const GeneratorOptions &options, const Paths &paths) {
    return paths.is_of_user() && options.root.empty() ? namespaces_of_user()
                                                      : Namespaces::available;
}

void log_all(const Log &log, const Diagnostics &diagnostics) {
    for (const Diagnostic &diagnostic : diagnostics)
        log.write(diagnostic);
}

Result<> print_output(const Output &output) {
    for (const OutputFile &file : output.files)
        fmt::print("---{}---\n{}\n", file.path, file.content);
    for (const OutputLink &link : output.links)
        fmt::print("---{} -> {}---\n\n", link.path, link.target);
    return {};
}

// A VM that fails is reported and left out; the others are written all the same.
int generate(const GeneratorOptions &options, const Log &log) {
    umask(0022);  // systemd's own for generators; also by hand, everybody may read units
    bool failed = false;
    const auto report = [&](const Diagnostics &diagnostics) {
        log_all(log, diagnostics);
        failed = failed || has_errors(diagnostics);
    };
    const Architecture host = this_machine();
    const Paths paths = paths_for(options);
    Diagnostics unnamed;
    const std::vector<VmSource> sources = find_vms(options.root, paths, unnamed);
    report(unnamed);
    if (sources.empty())
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
    std::optional<OutputFolder> folder;
    if (options.mode == GeneratorOptions::Mode::generate) {
        auto opened = OutputFolder::open(options.output);
        if (!opened) {
            log.write(Severity::error, opened.error().message);
            return EXIT_FAILURE;
        }
        folder = std::move(*opened);
    }
    const Namespaces namespaces = namespaces_for(options, paths);
    FirmwareCatalog firmware(options.root);
    HostClaims claims;
    for (const VmSource &source : sources) {
        Diagnostics diagnostics;
        const auto vm = load_vm(source, options.root, paths, host, firmware, diagnostics);
        if (vm)
            claims.add(*vm, diagnostics);
        report(diagnostics);
        if (!vm)
            continue;
        const Output output = render(*vm, host, namespaces);
        const auto written = folder ? folder->write(output) : print_output(output);
        if (!written) {
            log.write(Severity::error, fmt::format("{}: {}", source.path, written.error().message));
            failed = true;
        }
    }
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int check(const GeneratorOptions &options, const Log &log) {
    bool failed = false;
    const Paths paths = paths_for(options);
    FirmwareCatalog firmware("");
    HostClaims claims;
    for (const std::string &path : options.arguments) {
        Diagnostics diagnostics;
        const VmSource source = single_file(path, diagnostics);
        const auto vm = load_vm(source, "", paths, this_machine(), firmware, diagnostics);
        if (vm) {
            claims.add(*vm, diagnostics);
            check_host(*vm, this_machine(), diagnostics);
        }
        log_all(log, diagnostics);
        failed = failed || has_errors(diagnostics);
    }
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
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
            fmt::print("{}", kGeneratorHelp);
            return EXIT_SUCCESS;
        case GeneratorOptions::Mode::check:
            return check(*options, Log(Log::Reader::person));
        case GeneratorOptions::Mode::explain:
            log_all(Log(Log::Reader::person),
                    explain_missing_unit(options->arguments.front(), options->root,
                                         paths_for(*options), this_machine()));
            return EX_CONFIG;
        case GeneratorOptions::Mode::dry_run:
            return generate(*options, Log(Log::Reader::person));
        case GeneratorOptions::Mode::generate:
            return generate(*options, Log(reader_of_log()));
    }
    return EXIT_FAILURE;
}
