// SPDX-License-Identifier: MIT
#include "generator/generation.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <optional>

#include "generator/broken.h"
#include "generator/check/conflicts.h"
#include "generator/load.h"
#include "generator/read/search.h"
#include "generator/running/held.h"
#include "generator/running/records.h"
#include "generator/running/running_vms.h"
#include "generator/units/messages.h"
#include "generator/units/namespaces.h"
#include "generator/units/output.h"
#include "generator/units/passwords.h"
#include "generator/units/render.h"
#include "generator/vm/host_id.h"

namespace qemunit::generator {

namespace {

// With --root=, the system whose namespaces count is another one, which we cannot ask.
Namespaces namespaces_for(const GeneratorOptions &options, const Paths &paths) {
    return paths.is_of_user() && options.root.empty() ? namespaces_of_user()
                                                      : Namespaces::available;
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
    Generation(const GeneratorOptions &options, const Paths &paths, Architecture host,
               const Log &log)
        : options_(options),
          log_(log),
          paths_(paths),
          host_(host),
          passwords_(options.root + paths.passwords_dir()) {}

    int run() {
        umask(0022);  // systemd's own for generators; also by hand, everybody may read units
        Diagnostics unnamed;
        sources_ = find_vms(options_.root, paths_, unnamed);
        report(unnamed);
        // VMs that run count only where the manager itself will read the units: not in a run by
        // hand, into another folder.
        is_for_manager_ = options_.mode == GeneratorOptions::Mode::generate &&
                          options_.output == options_.root + paths_.generator_output();
        if (is_for_manager_)
            running_ = RunningVms::find(options_.root, paths_);
        if (is_for_manager_)
            passwords_.forget_others(sources_);
        if (sources_.empty() && running_.empty() && log_.unheard().empty())
            return exit_code();
        if (!sources_.empty())
            namespaces_ = namespaces_for(options_, paths_);
        host_id_ = read_host_id(options_.root);
        if (options_.mode != GeneratorOptions::Mode::dry_run) {
            auto folder = OutputFolder::open(options_.output);
            if (!folder) {
                log_.write(Severity::error, folder.error().message);
                return EXIT_FAILURE;
            }
            folder_ = std::move(*folder);
            begin_records();
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
            if (records_)
                complain_of_records(records_->flush());
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
        keep_records();
        if (folder_ && !log_.unheard().empty())
            write_units("messages", render_messages(log_.unheard()));
        return exit_code();
    }

    void begin_records() {
        if (!is_for_manager_)
            return;
        const std::string path = records_path(options_.root, paths_);
        if (!running_.empty())
            last_run_ = LastRun::read(path);
        auto records = NextRun::create(path);
        if (records)
            records_ = std::move(*records);
        else
            complain_of_records(std::unexpected(records.error()));
    }

    void keep_records() {
        if (records_)
            complain_of_records(records_->keep());
    }

    void complain_of_records(const Result<> &done) {
        if (!done)
            log_.write(Severity::warning,
                       done.error().message +
                           "; what runs may lose its network, TPM or time limits when its ini file "
                           "changes");
    }

    // A VM that fails is reported and left out; the others are written all the same. Only the
    // process that reads all ini files says what is wrong with them, so that it is said once.
    void generate(Part part) {
        FirmwareCatalog firmware(options_.root);
        Conflicts conflicts;
        for (std::size_t i = 0; i < sources_.size(); ++i) {
            const bool is_ours = part == Part::all || (part == Part::second_half) == (i % 2 == 1);
            if (part == Part::second_half && !is_ours)
                continue;
            Diagnostics diagnostics;
            const auto vm =
                load_vm(sources_[i], options_.root, paths_, host_, host_id_, firmware, diagnostics);
            if (part != Part::second_half) {
                if (vm)
                    conflicts.add(*vm, diagnostics);
                report(diagnostics);
                if (!vm)
                    write_broken(render_broken(sources_[i], options_.root, paths_.is_of_user(),
                                               diagnostics));
            }
            if (vm && is_ours && is_for_manager_)
                keep_password(*vm);
            if (vm && is_ours)
                write(sources_[i], render(*vm, host_, namespaces_));
            else if (is_ours)
                write_held(sources_[i].name,
                           is_mask(sources_[i].path) ? NoUnits::is_gone : NoUnits::has_error);
        }
        if (part == Part::second_half || running_.empty())
            return;
        for (const auto &[name, invocation] : running_.all())
            if (!std::ranges::binary_search(sources_, name, {}, &VmSource::name))
                write_held(name, NoUnits::is_gone);
    }

    void write(const VmSource &source, const Output &output) {
        if (!folder_)
            return print_output(output);
        if (!records_)
            return write_units(source.path, output);
        const std::string now = text_of(output);
        const auto started = started_with(source.name);
        if (!started || started->text == now) {
            records_->add({source.name, now, {}, {}});
            return write_units(source.path, output);
        }
        records_->add({source.name, now, started->invocation, started->text});
        write_units(source.path, hold(source.name, paths_, output_of(started->text), output,
                                      sockets_of(source.name)));
    }

    // Not below the output folder: that is emptied at every daemon-reload, while VMs start.
    void keep_password(const Vm &vm) {
        const auto kept = passwords_.keep(vm);
        if (kept)
            return;
        log_.write(Severity::error, fmt::format("{}: {}", vm.source_path, kept.error().message));
        failed_ = true;
    }

    // qemunitd reads these files, so that `qemunitctl list` has the VMs whose ini has errors.
    void write_broken(const Output &output) {
        if (folder_)
            write_units("", output);
        else
            print_output(output);
    }

    // The ini of the VM gives no units, but the VM may run.
    void write_held(const std::string &vm, NoUnits why) {
        const auto started = started_with(vm);
        if (!started || !records_)
            return;
        records_->add({vm, {}, started->invocation, started->text});
        write_units(vm, hold(vm, paths_, output_of(started->text), why));
    }

    // Sockets are on demand if somebody has enabled them with `systemctl enable`.
    Sockets sockets_of(const std::string &vm) const {
        for (const char *kind : {"monitor", "serial"})
            if (const std::string link = fmt::format(
                    "{}{}/systemd/{}/sockets.target.wants/qemu-{}@{}.socket", options_.root,
                    paths_.config, paths_.is_of_user() ? "user" : "system", kind, vm);
                faccessat(AT_FDCWD, link.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0)
                return Sockets::on_demand;
        return Sockets::of_the_vm;
    }

    std::optional<RunningVms::Started> started_with(const std::string &vm) const {
        return last_run_ ? running_.started(vm, *last_run_) : std::nullopt;
    }

    void write_units(const std::string &of, const Output &output) {
        if (const auto written = folder_->write(output); !written) {
            log_.write(Severity::error, fmt::format("{}: {}", of, written.error().message));
            failed_ = true;
        }
    }

    void report(const Diagnostics &diagnostics) {
        for (const Diagnostic &diagnostic : diagnostics)
            log_.write(diagnostic);
        failed_ = failed_ || has_errors(diagnostics);
    }

    int exit_code() const { return failed_ ? EXIT_FAILURE : EXIT_SUCCESS; }

    const GeneratorOptions &options_;
    const Log &log_;
    const Paths &paths_;
    const Architecture host_;
    Namespaces namespaces_ = Namespaces::available;
    std::optional<HostId> host_id_;
    std::vector<VmSource> sources_;
    std::optional<OutputFolder> folder_;  // none: what would be written is printed
    bool is_for_manager_ = false;         // or for somebody who wants to look at it
    RunningVms running_;
    std::unique_ptr<LastRun> last_run_;  // if a VM runs
    std::optional<NextRun> records_;
    Passwords passwords_;
    bool failed_ = false;
};

}  // namespace

int generate(const GeneratorOptions &options, const Paths &paths, Architecture host,
             const Log &log) {
    return Generation(options, paths, host, log).run();
}

}  // namespace qemunit::generator
