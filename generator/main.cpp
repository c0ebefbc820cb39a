// SPDX-License-Identifier: MIT
//
// qemunit-generator: run by systemd at boot and at every daemon-reload, and by people to
// check what they wrote. search -> ini -> schema -> VM -> QEMU arguments -> unit text -> write.
// The only file of the generator that logs or decides an exit code. It must never wait: PID 1 does.
#include <fmt/format.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>

#include "common/user_paths.h"
#include "generator/broken.h"
#include "generator/explain.h"
#include "generator/host_check.h"
#include "generator/host_claims.h"
#include "generator/host_id.h"
#include "generator/load.h"
#include "generator/log.h"
#include "generator/machine.h"
#include "generator/messages.h"
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

void print_output(const Output &output) {
    for (const OutputFile &file : output.files)
        fmt::print("---{}---\n{}\n", file.path, file.content);
    for (const OutputLink &link : output.links)
        fmt::print("---{} -> {}---\n\n", link.path, link.target);
}

// Where many VMs are, a second process writes the units of every other one: the kernel takes
// longer to make their files than we take to say what is in them, and PID 1 waits for all.
enum class Part { all, first_half, second_half };

constexpr std::size_t kManyVms = 100;

bool has_two_cpus() {
    cpu_set_t cpus;
    return sched_getaffinity(0, sizeof cpus, &cpus) == 0 && CPU_COUNT(&cpus) > 1;
}

// One run over all VMs.
class Generation {
  public:
    Generation(const GeneratorOptions &options, const Log &log)
        : options_(options), log_(log), paths_(paths_for(options)), host_(this_machine()) {}

    int run() {
        umask(0022);  // systemd's own for generators; also by hand, everybody may read units
        Diagnostics unnamed;
        sources_ = find_vms(options_.root, paths_, unnamed);
        report(unnamed);
        if (sources_.empty() && log_.unheard().empty())
            return exit_code();
        namespaces_ = namespaces_for(options_, paths_);
        host_id_ = read_host_id(options_.root);
        if (options_.mode != GeneratorOptions::Mode::dry_run) {
            auto folder = OutputFolder::open(options_.output);
            if (!folder) {
                log_.write(Severity::error, folder.error().message);
                return EXIT_FAILURE;
            }
            folder_ = std::move(*folder);
            if (sources_.size() >= kManyVms && has_two_cpus())
                return generate_by_two();
        }
        generate(Part::all);
        return finish();
    }

  private:
    int generate_by_two() {
        const pid_t second = fork();
        if (second == 0) {
            generate(Part::second_half);
            _exit(exit_code());
        }
        generate(second > 0 ? Part::first_half : Part::all);
        int status = 0;
        while (second > 0 && waitpid(second, &status, 0) < 0 && errno == EINTR) {
        }
        failed_ = failed_ || status != 0;
        if (WIFSIGNALED(status))
            log_.write(Severity::error,
                       fmt::format("The process that writes half of the units was killed by "
                                   "signal {}; run '{} daemon-reload' again.",
                                   WTERMSIG(status), paths_.systemctl()));
        return finish();
    }

    int finish() {
        if (folder_ && !log_.unheard().empty())
            if (const auto written = folder_->write(render_messages(log_.unheard())); !written)
                log_.write(Severity::error, written.error().message);
        return exit_code();
    }

    // A VM that fails is reported and left out; the others are written all the same. What is
    // wrong with an ini file is said once, by the process that reads them all.
    void generate(Part part) {
        FirmwareCatalog firmware(options_.root);
        HostClaims claims;
        for (std::size_t i = 0; i < sources_.size(); ++i) {
            const bool is_ours = part == Part::all || (part == Part::second_half) == (i % 2 == 1);
            if (part == Part::second_half && !is_ours)
                continue;
            Diagnostics diagnostics;
            const auto vm =
                load_vm(sources_[i], options_.root, paths_, host_, host_id_, firmware, diagnostics);
            if (part != Part::second_half) {
                if (vm)
                    claims.add(*vm, diagnostics);
                report(diagnostics);
                if (!vm)
                    write(sources_[i], render_broken(sources_[i], options_.root, diagnostics));
            }
            if (vm && is_ours)
                write(sources_[i], render(*vm, host_, namespaces_));
        }
    }

    void write(const VmSource &source, const Output &output) {
        if (!folder_) {
            print_output(output);
        } else if (const auto written = folder_->write(output); !written) {
            log_.write(Severity::error,
                       fmt::format("{}: {}", source.path, written.error().message));
            failed_ = true;
        }
    }

    void report(const Diagnostics &diagnostics) {
        log_all(log_, diagnostics);
        failed_ = failed_ || has_errors(diagnostics);
    }

    int exit_code() const { return failed_ ? EXIT_FAILURE : EXIT_SUCCESS; }

    const GeneratorOptions &options_;
    const Log &log_;
    const Paths paths_;
    const Architecture host_;
    Namespaces namespaces_ = Namespaces::available;
    std::optional<HostId> host_id_;
    std::vector<VmSource> sources_;
    std::optional<OutputFolder> folder_;  // none: what would be written is printed
    bool failed_ = false;
};

// What the VMs beside those that are checked claim; what is wrong with these is not asked.
void add_claims_of_others(const std::vector<std::string> &checked, const Paths &paths,
                          const std::optional<HostId> &host_id, FirmwareCatalog &firmware,
                          HostClaims &claims) {
    Diagnostics ignored;
    std::set<std::string> names;
    for (const std::string &path : checked)
        names.insert(single_file(path, ignored).name);
    for (const VmSource &source : find_vms("", paths, ignored))
        if (!names.contains(source.name))
            if (const auto vm =
                    load_vm(source, "", paths, this_machine(), host_id, firmware, ignored))
                claims.add(*vm, ignored);
}

int check(const GeneratorOptions &options, const Log &log) {
    bool failed = false;
    const Paths paths = paths_for(options);
    FirmwareCatalog firmware("");
    const auto host_id = read_host_id("");
    HostClaims claims;
    add_claims_of_others(options.arguments, paths, host_id, firmware, claims);
    for (const std::string &path : options.arguments) {
        Diagnostics diagnostics;
        const VmSource source = single_file(path, diagnostics);
        const auto vm = load_vm(source, "", paths, this_machine(), host_id, firmware, diagnostics);
        if (vm) {
            claims.add(*vm, diagnostics);
            check_host(*vm, this_machine(), diagnostics);
        }
        log_all(log, diagnostics);
        failed = failed || has_errors(diagnostics);
    }
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

// What systemd has made for a start that came to nothing, for each command of it anew. With
// something in it, it stays.
void remove_empty_state() {
    if (const char *state = std::getenv("STATE_DIRECTORY"))
        (void)!rmdir(state);
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
            explain_missing_unit(options.arguments.front(), options.root, paths, this_machine()));
    remove_empty_state();
    return EX_CONFIG;
}

// Run after each end of a VM (qemu@.service), with systemd's word for it in the environment
// (systemd.exec(5)); says something if QEMU refused what it was told, which it does with status 1.
int explain_failure(const GeneratorOptions &options) {
    const auto is = [](const char *variable, std::string_view value) {
        const char *text = std::getenv(variable);
        return text != nullptr && text == value;
    };
    if (!is("SERVICE_RESULT", "exit-code") || !is("EXIT_CODE", "exited"))
        return EXIT_SUCCESS;
    const Paths paths = paths_for(options);
    if (geteuid() == 0 && !paths.is_of_user() && !join_mounts_of_manager())
        return EXIT_SUCCESS;
    remove_empty_state();
    if (!is("EXIT_STATUS", "1"))
        return EXIT_SUCCESS;
    Diagnostics ignored, found;
    const auto host_id = read_host_id("");
    FirmwareCatalog firmware("");
    for (const VmSource &source : find_vms("", paths, ignored))
        if (source.name == options.arguments.front())
            if (const auto vm =
                    load_vm(source, "", paths, this_machine(), host_id, firmware, ignored))
                check_host(*vm, this_machine(), found, CheckFor::failed_start);
    for (const Diagnostic &diagnostic : found)
        fmt::print(stderr, "<3>{}\n", to_string(diagnostic));
    return EXIT_SUCCESS;
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
            return explain(*options, Log(Log::Reader::person));
        case GeneratorOptions::Mode::explain_failure:
            return explain_failure(*options);
        case GeneratorOptions::Mode::dry_run:
            return Generation(*options, Log(Log::Reader::person)).run();
        case GeneratorOptions::Mode::generate:
            return Generation(*options, Log(reader_of_log())).run();
    }
    return EXIT_FAILURE;
}
