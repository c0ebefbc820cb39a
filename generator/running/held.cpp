// SPDX-License-Identifier: MIT
#include "generator/running/held.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "common/concat.h"
#include "common/shared_names.h"
#include "common/vm_name.h"
#include "generator/units/drop_in.h"

namespace qemunit::generator {

namespace {

// Sorted after 50-qemunit.conf, which this drop-in amends.
constexpr std::string_view kHeldDropIn = "60-qemunit-running.conf";
// systemd applies these to a service that runs, at every daemon-reload.
constexpr std::string_view kAppliedSettings[] = {"IPAddressDeny=", "DeviceAllow="};
// systemd counts it from the start, also if it was not there at the start.
constexpr std::string_view kTimeLimit = "RuntimeMaxSec=";

const std::string kSocketsWant = "sockets.target.wants/";  // for Activation=socket
constexpr std::string_view kListen = "ListenStream=";

std::vector<std::string_view> lines_with(std::string_view text, std::string_view begin) {
    std::vector<std::string_view> found;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        if (line.starts_with(begin))
            found.push_back(line);
        text.remove_prefix(std::min(line.size() + 1, text.size()));
    }
    return found;
}

std::string_view content_of(const Output &output, const std::string &path) {
    const auto file = std::ranges::find(output.files, path, &OutputFile::path);
    return file == output.files.end() ? std::string_view() : file->content;
}

bool has_link(const Output &output, const std::string &path) {
    return std::ranges::find(output.links, path, &OutputLink::path) != output.links.end();
}

// The bridge must not be ordered after a tap interface that is not to start again: systemd looks
// whether a unit is still needed when others stop, but not while a job of the unit itself waits.
OutputFile without_order(OutputFile file) {
    if (file.path.starts_with("qemu-tap@"))
        for (std::size_t at; (at = file.content.find("\nAfter=qemu-bridge@")) != std::string::npos;)
            file.content.erase(at, file.content.find('\n', at + 1) - at);
    return file;
}

// "qemu-tap@a.service" of "qemu@vm1.service.wants/qemu-tap@a.service".
std::string_view unit_of(const OutputLink &link) {
    const std::string_view path = link.path;
    return path.substr(path.rfind('/') + 1);
}

class Holder {
  public:
    Holder(const std::string &vm, const Paths &paths, const Output &started, Output units)
        : vm_(vm), paths_(paths), started_(started), units_(std::move(units)) {}

    Output with_new_units(Sockets sockets) {
        for (const OutputLink &link : started_.links)
            if (is_want(link) && !has_link(units_, link.path))
                hold_want(link);
        hold_applied_settings();
        for (const char *kind : {"monitor", "serial"})
            hold_sockets(fmt::format("qemu-{}@{}.socket", kind, vm_), sockets);
        return finish();
    }

    Output without_units(NoUnits why) {
        // The units that make images, and the link that starts the VM at boot, are for the next
        // start.
        for (const OutputFile &file : started_.files)
            if (!file.path.starts_with("qemu-image@"))
                units_.files.push_back(without_order(file));
        for (const OutputLink &link : started_.links) {
            if (is_want(link))
                hold_want(link);
            else if (link.path.starts_with(service_unit(vm_) + ".d/"))
                units_.links.push_back(link);
        }
        if (why == NoUnits::is_gone)  // or systemctl says that the file has changed
            unit_lines_ += "SourcePath=\n";
        // The command that says why needs the ini files, which the sandbox does not have. systemd
        // uses these lists only at a start.
        for (const char *list : {"BindPaths", "BindReadOnlyPaths", "TemporaryFileSystem",
                                 "InaccessiblePaths", "NoExecPaths", "ExecPaths", "RootDirectory"})
            if (paths_.is_of_user())  // for root, "+" is enough
                service_lines_ += fmt::format("{}=\n", list);
        // No credential or command that may be gone keeps the next start from saying why.
        service_lines_ += fmt::format(
            "LoadCredential=\nExecCondition=\nExecStartPre=\nExecStart=\nExecStart={} --explain "
            "{}\n",
            paths_.is_of_user() ? concat(kGeneratorPath, " --user") : concat("+", kGeneratorPath),
            vm_);
        return finish();
    }

  private:
    // Whether the VM or one of its tap interfaces wants the unit; a unit that ends by itself is not
    // held.
    static bool is_want(const OutputLink &link) {
        const std::string_view path = link.path, unit = unit_of(link);
        return (path.starts_with("qemu@") || path.starts_with("qemu-tap@")) &&
               path.find(".wants/") != std::string_view::npos && !unit.starts_with("qemu-image@") &&
               !unit.starts_with("qemu-machine@");
    }

    void hold_want(const OutputLink &link) {
        const std::string unit(unit_of(link));
        units_.links.push_back(link);
        if (!link.path.starts_with("qemu@"))
            return;  // a bridge, which other VMs may use too
        unit_lines_ += fmt::format("After={}\n", unit);
        const std::string stem = unit.substr(0, unit.rfind('.') + 1);
        for (const OutputFile &file : started_.files)
            if (file.path.starts_with(stem) && content_of(units_, file.path).empty())
                units_.files.push_back(without_order(file));
        units_.files.push_back(
            {fmt::format("{}.d/{}", unit, kHeldDropIn),
             fmt::format(
                 "# VM {} runs with it, but its ini file has it no more: once stopped, it is "
                 "not started again.\n\n[Unit]\nConditionPathExists=!/\n",
                 vm_)});
    }

    void hold_applied_settings() {
        const std::string drop_in = concat(service_unit(vm_), ".d/", kDropInName);
        const std::string_view old = content_of(started_, drop_in);
        for (const std::string_view setting : kAppliedSettings)
            add_missing(lines_with(old, setting), lines_with(content_of(units_, drop_in), setting),
                        service_lines_);
        const auto limit = lines_with(old, kTimeLimit);
        if (limit != lines_with(content_of(units_, drop_in), kTimeLimit))
            append(service_lines_, limit.empty() ? concat(kTimeLimit, "infinity") : limit.back(),
                   "\n");
    }

    // systemd forgets, and leaves behind, the sockets that a unit has no more; and it opens those
    // that are new, and sets modes, when the unit starts. Sockets on demand are not to end with the
    // VM.
    void hold_sockets(const std::string &unit, Sockets sockets) {
        const std::string drop_in = concat(unit, ".d/", kDropInName);
        const std::string_view old = content_of(started_, drop_in),
                               present = content_of(units_, drop_in);
        if (old == present)
            return;
        std::string unit_lines, lines;
        const bool stays = sockets == Sockets::on_demand || has_link(units_, kSocketsWant + unit) ||
                           has_link(started_, kSocketsWant + unit);
        if (!stays)
            unit_lines = fmt::format("PartOf={}\n", service_unit(vm_));
        const auto listens = lines_with(present, kListen);
        for (const std::string_view line : lines_with(old, kListen))
            if (std::ranges::find(listens, line) == listens.end())
                lines += fmt::format("ExecStopPost=-/bin/rm -f {}\n", line.substr(kListen.size()));
        add_drop_in(unit, {{"Unit", unit_lines}, {"Socket", lines}});
    }

    static void add_missing(const std::vector<std::string_view> &old,
                            const std::vector<std::string_view> &present, std::string &lines) {
        for (const std::string_view line : old)
            if (std::ranges::find(present, line) == present.end())
                lines.append(line).append("\n");
    }

    void add_drop_in(const std::string &unit, std::initializer_list<UnitSection> sections) {
        std::string text = fmt::format("# VM {} was started with this, and runs.\n", vm_);
        const std::size_t size = text.size();
        for (const UnitSection &section : sections)
            if (!section.lines.empty())
                text += fmt::format("\n[{}]\n{}", section.name, section.lines);
        if (text.size() > size)
            units_.files.push_back({fmt::format("{}.d/{}", unit, kHeldDropIn), std::move(text)});
    }

    Output finish() {
        add_drop_in(service_unit(vm_), {{"Unit", unit_lines_}, {"Service", service_lines_}});
        return std::move(units_);
    }

    const std::string &vm_;
    const Paths &paths_;
    const Output &started_;
    Output units_;
    std::string unit_lines_, service_lines_;  // of the VM's service
};

}  // namespace

Output hold(const std::string &vm, const Paths &paths, const Output &started, const Output &now,
            Sockets sockets) {
    return Holder(vm, paths, started, now).with_new_units(sockets);
}

Output hold(const std::string &vm, const Paths &paths, const Output &started, NoUnits why) {
    return Holder(vm, paths, started, {}).without_units(why);
}

}  // namespace qemunit::generator
