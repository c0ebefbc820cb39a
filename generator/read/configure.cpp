// SPDX-License-Identifier: MIT
#include "generator/read/configure.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/ascii.h"
#include "common/concat.h"
#include "common/did_you_mean.h"
#include "common/shared_names.h"
#include "common/vm_name.h"
#include "generator/read/schema.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

namespace {

using Kind = SectionRow::Kind;

constexpr std::size_t kDevicesMax = 256;
constexpr std::size_t kWarningsMax = 100;

std::vector<std::string_view> known_sections() {
    std::vector<std::string_view> names;
    for (const SectionRow &row : sections())
        names.push_back(row.name);
    return names;
}

std::vector<std::string_view> known_keys(std::string_view section) {
    std::vector<std::string_view> names;
    for (const KeyRow &row : keys())
        if (row.section == section)
            names.push_back(row.key);
    return names;
}

// What other programs call it: libvirt, Proxmox VE, quickemu, QEMU itself. "" for a section.
struct OtherName {
    std::string_view section, name, ours;
};
constexpr OtherName kOtherNames[] = {
    {"", "Disk", "Drive"},
    {"", "Net", "Network"},
    {"", "NIC", "Network"},
    {"", "Interface", "Network"},
    {"", "Filesystem", "Share"},
    {"VM", "RAM", "Memory"},
    {"VM", "Cores", "CPUs"},
    {"VM", "VCPU", "CPUs"},
    {"VM", "VCPUs", "CPUs"},
    {"VM", "SMP", "CPUs"},
    {"VM", "KVM", "Accelerator"},
    {"VM", "Graphics", "Display"},
    {"VM", "Video", "Display"},
    {"Drive", "Path", "File"},
    {"Drive", "Image", "File"},
    {"Drive", "Source", "File"},
    {"Drive", "Bus", "Interface"},
    {"", "HostDev", "HostDevice"},
    {"", "Passthrough", "HostDevice"},
    {"", "PCI", "HostDevice"},
    {"", "USB", "HostDevice"},
    {"HostDevice", "Host", "PCI"},
    {"HostDevice", "Address", "PCI"},
};

// " Did you mean 'Memory'?", or "".
std::string suggestion(std::string_view section, std::string_view name,
                       std::span<const std::string_view> known) {
    std::string text = did_you_mean(name, known);
    for (const OtherName &other : kOtherNames)
        if (text.empty() && other.section == section && to_lower(other.name) == to_lower(name))
            text = did_you_mean(other.ours, known);
    return text;
}

bool is_private(std::string_view name) {  // systemd.unit(5): "X-" is for others to use
    return name.starts_with("X-");
}

// A file name, since it becomes a folder of links: systemd.unit(5), without the escapes.
bool is_unit_name(std::string_view name) {
    static constexpr std::string_view kTypes[] = {"service", "target", "socket", "timer", "path",
                                                  "mount",   "slice",  "device", "swap",  "scope"};
    const std::size_t dot = name.rfind('.');
    constexpr std::string_view kChars =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:-_.\\@";
    return dot != name.npos && dot > 0 && name.size() < 256 &&
           name.find_first_not_of(kChars) == name.npos &&
           std::ranges::find(kTypes, name.substr(dot + 1)) != std::end(kTypes);
}

// Targets that a VM is likely to name in WantedBy=, and that a user's manager does not have.
bool is_system_target(std::string_view name) {
    return name == "machines.target" || name == "multi-user.target" || name == "graphical.target";
}

class Configurator {
  public:
    Configurator(Vm &vm, Diagnostics &diagnostics) : vm_(vm), diagnostics_(diagnostics) {}

    void take(const IniFile &file) {
        vm_.files.push_back(file.path);
        for (const IniEntry &entry : file.entries) {
            where_ = {vm_.files.size() - 1, entry.line};
            if (entry.key.empty())
                open_section(entry.section);
            else if (section_ != nullptr && !is_private(entry.key))
                assign(entry);
        }
        section_ = nullptr;
    }

  private:
    void open_section(const std::string &header) {
        section_ = nullptr;
        if (is_private(header))
            return;
        const std::size_t space = std::min(header.find_first_of(" \t"), header.size());
        const std::string_view kind = std::string_view(header).substr(0, space);
        device_ = trim(std::string_view(header).substr(space));
        const SectionRow *row = find_section(kind);
        if (row == nullptr) {
            const auto known = known_sections();
            warn(fmt::format("Unknown section '{}', ignoring.{}", printable(shorten(header)),
                             suggestion("", kind, known)));
            return;
        }
        if (row->kind == Kind::device) {
            if (device_.empty()) {
                error(fmt::format("Section [{0}] needs a name, as in [{0} {1}].", kind,
                                  kind == "Drive" ? "root" : "lan"));
                return;
            }
            if (!is_device_name(device_)) {
                error(
                    fmt::format("'{}' is not a device name: a letter, then letters, digits, '_', "
                                "'.' and '-', at most {} in all.",
                                printable(shorten(device_)), kDeviceNameMax));
                return;
            }
            if (!vm_.places.contains(std::pair(header_of(kind), std::string())) &&
                ++devices_ > kDevicesMax) {
                error(fmt::format("More than {} devices; no machine has room for them.",
                                  kDevicesMax));
                return;
            }
            row->open(vm_, device_);
        } else if (!device_.empty()) {
            error(fmt::format("Section [{0}] takes no name; write [{0}].", kind));
            return;
        }
        section_ = row;
        section_name_ = header_of(kind);
        vm_.places.try_emplace({section_name_, ""}, where_);
    }

    std::string header_of(std::string_view kind) const {
        return device_.empty() ? std::string(kind) : concat(kind, " ", device_);
    }

    void assign(const IniEntry &entry) {
        if (section_->kind == Kind::pass_through) {
            pass_through(entry);
            return;
        }
        const KeyRow *row = find_key(section_->name, entry.key);
        if (row == nullptr) {
            const auto known = known_keys(section_->name);
            warn(fmt::format("Unknown key '{}' in section [{}], ignoring.{}", entry.key,
                             section_name_, suggestion(section_->name, entry.key, known)));
            return;
        }
        vm_.places.insert_or_assign({section_name_, entry.key}, where_);
        if (row->is_list)
            vm_.places.insert_or_assign({section_name_, entry.key + "=" + entry.value}, where_);
        if (auto set = row->set(vm_, device_, entry.value); !set)
            error(fmt::format("{}={}: {}", entry.key, row->is_secret ? "" : shorten(entry.value),
                              set.error()));
    }

    void pass_through(const IniEntry &entry) {
        if (continues_line(entry.value)) {
            error(
                fmt::format("{}= ends with a backslash: lines cannot be continued here, "
                            "write the value in one line.",
                            entry.key));
            return;
        }
        if (section_->name == "Unit")
            vm_.unit_lines.push_back({entry.key, entry.value, vm_.location(where_)});
        else if (section_->name == "Service")
            vm_.service_lines.push_back({entry.key, entry.value, vm_.location(where_)});
        else
            install(entry);
    }

    void install(const IniEntry &entry) {
        std::vector<std::string> *list = entry.key == "WantedBy"     ? &vm_.wanted_by
                                         : entry.key == "RequiredBy" ? &vm_.required_by
                                                                     : nullptr;
        if (list == nullptr) {
            static constexpr std::string_view kKnown[] = {"WantedBy", "RequiredBy"};
            warn(fmt::format("Unknown key '{}' in section [Install], ignoring.{}", entry.key,
                             did_you_mean(entry.key, kKnown)));
            return;
        }
        if (entry.value.empty()) {
            list->clear();
            return;
        }
        for (std::string &unit : split_words(entry.value)) {
            if (!is_unit_name(unit))
                error(fmt::format("{}={}: not the name of a unit, as in machines.target.",
                                  entry.key, shorten(unit)));
            else if (vm_.paths.is_of_user() && is_system_target(unit))
                error(
                    fmt::format("{}={} needs the system manager: a user's manager starts "
                                "default.target.",
                                entry.key, unit));
            else if (std::ranges::find(*list, unit) == list->end())
                list->push_back(std::move(unit));
        }
    }

    void warn(std::string message) {
        if (++warnings_ > kWarningsMax)
            return;
        if (warnings_ == kWarningsMax)
            message = "There are more warnings about this VM; they are not shown.";
        diagnostics_.push_back({vm_.location(where_), Severity::warning, std::move(message)});
    }
    void error(std::string message) {
        diagnostics_.push_back({vm_.location(where_), Severity::error, std::move(message)});
    }

    Vm &vm_;
    Diagnostics &diagnostics_;
    Vm::Place where_;
    std::size_t devices_ = 0;
    std::size_t warnings_ = 0;
    const SectionRow *section_ = nullptr;
    std::string section_name_;
    std::string device_;
};

}  // namespace

Vm configure(const std::string &name, const std::vector<IniFile> &files, const Paths &paths,
             Diagnostics &diagnostics, const std::optional<HostId> &host_id) {
    Vm vm;
    vm.name = name;
    vm.paths = paths;
    vm.host_id = host_id;
    vm.source_path = files.empty() ? std::string() : files.front().path;
    vm.serials.push_back({.name = std::string(kFirstSerialPort)});
    Configurator configurator(vm, diagnostics);
    for (const IniFile &file : files)
        configurator.take(file);
    return vm;
}

}  // namespace qemunit::generator
