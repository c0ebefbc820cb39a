// SPDX-License-Identifier: MIT
#include "ctl/import/quickemu.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "common/ascii.h"
#include "common/host_forward.h"
#include "common/whole_number.h"
#include "ctl/import/conversion.h"
#include "ctl/import/shell.h"

namespace qemunit::ctl {

namespace {

constexpr char kQuickemuSshPort[] = "22220";  // the first that quickemu tries

using Values = std::map<std::string, std::vector<std::string>>;

// name="value", name=("a" "b")
Result<Values> read_values(const std::string &text) {
    Values values;
    std::string list;
    for (const ShellCommand &command : shell_commands(text, "~")) {
        for (const std::string &word : command.words) {
            const std::size_t equals = word.find('=');
            const bool is_assignment = equals != word.npos && equals > 0 &&
                                       std::ranges::all_of(word.substr(0, equals), [](char c) {
                                           return is_alphanumeric_or(c, "_");
                                       });
            if (!is_assignment && !list.empty()) {
                values[list].push_back(word);
                continue;
            }
            if (!is_assignment)
                continue;  // "#!/usr/bin/quickemu --vm" is a comment
            if (!command.fault.empty())
                return fail(EINVAL, command.fault);
            std::string name = word.substr(0, equals), value = word.substr(equals + 1);
            list = value.empty() ? name : "";
            auto &known = values[name];
            known.clear();
            if (!value.empty())
                known.push_back(std::move(value));
        }
    }
    return values;
}

class QuickemuReader {
  public:
    QuickemuReader(Values values, const Surroundings &around)
        : values_(std::move(values)), around_(around) {}

    Result<ImportedVm> read() {
        const std::string disk = value("disk_img");
        if (disk.empty() && value("iso").empty() && value("guest_os").empty())
            return fail(EINVAL, "there is no disk_img= in it, as each .conf of quickemu has");
        os_ = value("guest_os").empty() ? "linux" : value("guest_os");
        is_windows_ = os_.starts_with("windows");
        read_machine();
        read_drives();
        read_network();
        read_rest();
        return std::move(vm_);
    }

  private:
    std::string value(const std::string &name) const {
        const auto found = values_.find(name);
        return found == values_.end() || found->second.empty() ? "" : found->second.front();
    }
    bool is_on_(const std::string &name) const { return value(name) == "on"; }

    void read_machine() {
        const std::string architecture = value("arch");
        if (architecture == "aarch64" && around_.architecture != "aarch64")
            vm_.set("VM", "Architecture", "aarch64");
        vm_.set("VM", "Machine", architecture == "aarch64" ? "virt" : "q35");
        vm_.set("VM", "CPU", is_windows_ ? "max,hv-passthrough" : "max");
        if (const std::string cores = value("cpu_cores"); whole_number(cores))
            vm_.set("VM", "CPUs", cores);
        else
            choose("cpu_cores", "CPUs", "2");
        if (const std::string ram = value("ram"); !ram.empty())
            vm_.set("VM", "Memory", ram);
        else
            choose("ram", "Memory", is_windows_ ? "8G" : "4G");
        const bool is_legacy = value("boot") == "legacy" || value("boot") == "bios";
        if (!is_legacy)
            vm_.set("VM", "Firmware", is_on_("secureboot") ? "uefi-secure" : "uefi");
        if (is_on_("tpm"))
            vm_.set("VM", "TPM", "yes");
        vm_.set("VM", "RNG", "yes");
        vm_.set("VM", "Balloon", "yes");
        if (is_windows_)
            vm_.set("VM", "Clock", "localtime");
        vm_.set("VM", "Display", "spice");
        vm_.set("Screen", "Card", "virtio");
        vm_.set("Screen", "USBRedirection", "3");
        if (const std::string layout = value("keyboard_layout"); !layout.empty())
            vm_.set("VM", "Keyboard", layout);
        vm_.changed("the window -> SPICE, spice.sock");
        if (os_ == "macos")
            vm_.lost("what macOS needs of its machine: OpenCore, and the device isa-applesmc");
        const std::string disk = value("disk_img");
        if (!is_legacy && !disk.empty()) {
            const std::string path = absolute_path(around_, disk);
            const std::string variables = path.substr(0, path.rfind('/')) + "/OVMF_VARS.fd";
            if (around_.exists && around_.exists(variables))
                vm_.uefi_variables = variables;
        }
        if (is_on_("tpm") && around_.exists && !disk.empty()) {
            const std::string path = absolute_path(around_, disk);
            if (const std::string folder = path.substr(0, path.rfind('/'));
                around_.exists(folder + "/tpm2-00.permall"))
                vm_.tpm_state = folder;
        }
    }

    void choose(const std::string &name, const std::string &key, const std::string &chosen) {
        vm_.set("VM", key, chosen);
        vm_.changed(
            fmt::format("{} is not in the file, and quickemu chooses it by the host -> {}={}", name,
                        key, chosen));
    }

    void read_drives() {
        std::string order;
        const auto add = [&](const std::string &name, const std::string &file,
                             std::string_view media, std::string_view interface) {
            const std::string section = "Drive " + vm_.device_name(name, "drive");
            set_image(vm_, around_, section, absolute_path(around_, file), "");
            vm_.set(section, "Media", std::string(media));
            vm_.set(section, "Interface", std::string(interface));
            return section;
        };
        if (const std::string file = value("disk_img"); !file.empty()) {
            const std::string format = value("disk_format"), section = add("disk", file, "", "");
            if (!format.empty() && format != format_by_name(file))
                vm_.set(section, "Format", format);
            const std::string size = value("disk_size");
            vm_.set(section, "Size",
                    !size.empty()    ? size
                    : is_windows_    ? "64G"
                    : os_ == "macos" ? "128G"
                                     : "16G");
            order = "disk";
        }
        if (const std::string file = value("iso"); !file.empty()) {
            add("cd", file, "cdrom", "");
            vm_.set("Boot", "Order", order.empty() ? "cd" : "cd " + order);
        }
        if (const std::string file = value("fixed_iso"); !file.empty())
            add("fixed", file, "cdrom", "");
        if (const std::string file = value("img"); !file.empty())
            add("img", file, "", "");
        if (const std::string file = value("floppy"); !file.empty())
            add("fd", file, "", "floppy");
    }

    void read_network() {
        const std::string network = value("network");
        if (network == "none")
            return;
        const std::string section = "Network " + vm_.device_name("net0", "net");
        vm_.open_section(section);
        vm_.set(section, "MAC", value("macaddr"));
        if (network == "restrict")
            vm_.set(section, "Restrict", "yes");
        if (!network.empty() && network != "restrict" && network != "nat" && network != "user") {
            vm_.set(section, "Type", "bridge");
            vm_.set(section, "Bridge", network);
            return;
        }
        const std::string port = value("ssh_port").empty() ? kQuickemuSshPort : value("ssh_port");
        vm_.add(section, "HostForward", fmt::format("tcp::{}-:22", port));
        if (value("ssh_port").empty())
            vm_.changed(fmt::format("quickemu chooses the port for ssh at each start -> {}", port));
        if (const auto forwards = values_.find("port_forwards"); forwards != values_.end())
            for (const std::string &forward : forwards->second) {
                const std::size_t colon = forward.find(':');
                const std::string rule =
                    fmt::format("tcp::{}-:{}", forward.substr(0, colon),
                                colon == forward.npos ? forward : forward.substr(colon + 1));
                if (parse_host_forward(rule))
                    vm_.add(section, "HostForward", rule);
                else
                    vm_.lost(fmt::format("port_forwards: {}", forward));
            }
    }

    void read_rest() {
        vm_.open_section("Sound " + vm_.device_name("", "sound"));
        vm_.lost("the smart card, which comes by SPICE");
        vm_.lost("the 9p share of the folder Public; [Share NAME] shares a folder");
        for (const char *name : {"usb_devices", "extra_args", "preallocation", "public_dir",
                                 "monitor_cmd", "serial_telnet_port"})
            if (const auto found = values_.find(name);
                found != values_.end() && !found->second.empty())
                vm_.lost(fmt::format("{}={}", name, found->second.front()));
    }

    const Values values_;
    const Surroundings &around_;
    ImportedVm vm_;
    std::string os_;
    bool is_windows_ = false;
};

}  // namespace

Result<ImportedVm> import_quickemu(const std::string &text, const Surroundings &surroundings) {
    auto values = read_values(text);
    if (!values)
        return std::unexpected(values.error());
    return QuickemuReader(std::move(*values), surroundings).read();
}

}  // namespace qemunit::ctl
