// SPDX-License-Identifier: MIT
#include "helper/handover/upgrade_obstacle.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

namespace qemunit::helper {

namespace {

constexpr std::string_view kFlags[] = {"-nodefaults", "-no-user-config"};

// Options with a value that is the same for the other QEMU, or with a check of its own below.
constexpr std::string_view kOptions[] = {
    "-name",   "-machine", "-accel",  "-cpu",     "-smp",    "-m",      "-serial", "-display",
    "-drive",  "-device",  "-netdev", "-chardev", "-object", "-uuid",   "-rtc",    "-boot",
    "-kernel", "-initrd",  "-append", "-fw_cfg",  "-action", "-global", "-smbios", "-overcommit"};

// Each of them has gone on in another QEMU, in a test.
constexpr std::string_view kDevices[] = {
    "i6300esb",           "pcie-root-port",    "pvpanic-pci",    "scsi-hd",
    "virtio-balloon-pci", "virtio-blk-pci",    "virtio-net-pci", "virtio-rng-pci",
    "virtio-scsi-pci",    "virtio-serial-pci", "virtserialport"};

// Of -netdev: no network at all, and qemunit-usernet, which waits for the next QEMU.
constexpr std::string_view kNetworks[] = {"hubport", "stream"};
constexpr std::string_view kObjects[] = {"memory-backend-ram", "memory-backend-memfd",
                                         "rng-builtin"};

bool is_one_of(std::string_view word, std::span<const std::string_view> words) {
    return std::ranges::find(words, word) != words.end();
}

std::string_view first_part(std::string_view value) {
    return value.substr(0, value.find(','));
}

// The `id` of a device, or nothing.
std::string id_of(std::string_view value) {
    constexpr std::string_view kId = ",id=";
    const std::size_t at = value.find(kId);
    return at == value.npos ? "" : std::string(first_part(value.substr(at + kId.size())));
}

std::string named(std::string_view value) {
    const std::string id = id_of(value);
    return id.empty() ? std::string(first_part(value))
                      : fmt::format("{} '{}'", first_part(value), id);
}

std::string obstacle_of(std::string_view option, std::string_view value) {
    if (!is_one_of(option, kOptions))
        return fmt::format("QEMU's option {} {}", option, first_part(value));
    if (option == "-device" && !is_one_of(first_part(value), kDevices))
        return fmt::format("the device {}", named(value));
    if (option == "-netdev" && !is_one_of(first_part(value), kNetworks))
        return fmt::format("the network {}", named(value));
    if (option == "-object" && !is_one_of(first_part(value), kObjects))
        return fmt::format("QEMU's object {}", named(value));
    if (option == "-object" && value.starts_with("memory-backend-") &&
        value.find(",share=on") == value.npos)
        return "[Memory] without Shared=yes";
    if (option == "-display" && value != "none")
        return fmt::format("the display {}", first_part(value));
    // Those of other programs, and what a QEMU takes for itself alone.
    if (option == "-chardev")
        return fmt::format("QEMU's chardev {}", named(value));
    // What an Ephemeral= drive has got lies in a file that only one QEMU knows.
    if (option == "-drive" &&
        (!value.starts_with("if=none,") || value.find(",snapshot=on") != value.npos ||
         value.find("file.filename=/dev/fdset/") == value.npos))
        return id_of(value).empty() ? fmt::format("the drive {}", first_part(value))
                                    : fmt::format("the drive '{}'", id_of(value));
    return {};
}

// QEMU's name of the machine's own memory, which a state of the same machine without a memory
// object has as well (default_ram_id in hw/i386/pc_q35.c and pc_piix.c of QEMU).
bool is_pc(const HelperOptions &options) {
    const auto machine = std::ranges::find(options.qemu, "-machine");
    if (machine == options.qemu.end() || machine + 1 == options.qemu.end())
        return false;
    const std::string_view name = first_part(*(machine + 1));
    return name == "q35" || name == "pc" || name.starts_with("pc-q35-") ||
           name.starts_with("pc-i440fx-");
}

}  // namespace

std::string upgrade_obstacle(const HelperOptions &options) {
    if (options.has_caller)
        return "a VM of `qemunitctl run`";
    if (!options.not_saved.empty())
        return options.not_saved;
    if (!is_pc(options))
        return "another machine than q35 and pc";
    if (!options.uefi_variables.empty())
        return "Firmware=uefi";
    if (options.ready.thing == Awaited::Thing::notify)
        return "Ready=notify";
    if (!options.unplugged.empty())
        return fmt::format("Link=no of [Network {}]", options.unplugged.front());
    if (!options.channels.empty())
        return fmt::format("[Channel {}]", options.channels.front());
    for (const SerialPortOptions &port : options.serials)
        if (port.direct)
            return fmt::format("Direct=yes of [Serial {}]", port.name);
    for (auto word = options.qemu.begin() + 1; word < options.qemu.end(); ++word) {
        if (is_one_of(*word, kFlags))
            continue;
        if (!word->starts_with('-') || word + 1 == options.qemu.end())
            return fmt::format("QEMU's option {}", *word);
        if (std::string why = obstacle_of(*word, *(word + 1)); !why.empty())
            return why;
        ++word;
    }
    return {};
}

}  // namespace qemunit::helper
