// SPDX-License-Identifier: MIT
#include "helper/hostdev/hostdev_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/host_device/places.h"
#include "common/options.h"
#include "common/vm_name.h"

namespace qemunit::helper {

namespace {

Result<std::string> parse_pci(std::string_view text) {
    auto address = parse_pci_address(text);
    if (!address)
        return fail(EINVAL, fmt::format("'{}' is not the address of a PCI device", text));
    return std::move(*address);
}

Result<UsbAddress> parse_usb(std::string_view text) {
    auto address = parse_usb_address(text);
    if (!address)
        return fail(EINVAL, fmt::format("'{}' is not a USB device", text));
    return std::move(*address);
}

constexpr Option<HostDeviceOptions> kHostDeviceOptions[] = {
    {{.name = hostdev_option::kPci, .value = "ADDRESS", .help = "A PCI device, 0000:03:00.0"},
     set_parsed<&HostDeviceOptions::pci, parse_pci>},
    {{.name = hostdev_option::kWith,
      .value = "ADDRESS",
      .help = "A PCI device that the VM has as well; may stand in the same\n"
              "IOMMU group"},
     add_parsed<&HostDeviceOptions::with, parse_pci>},
    {{.name = hostdev_option::kUsb,
      .value = "VENDOR:PRODUCT|BUS-PORT",
      .help = "A USB device, 046d:c52b or 1-2.3"},
     set_parsed<&HostDeviceOptions::usb, parse_usb>},
    {{.name = hostdev_option::kOptional, .help = "It may be plugged in later; of USB"},
     set_to<&HostDeviceOptions::optional>},
    {{.name = hostdev_option::kForce, .help = "Also one that the host uses"},
     set_to<&HostDeviceOptions::force>},
    {kHelpOption, set_to<&HostDeviceOptions::mode, HostDeviceOptions::Mode::help>, true},
    {kVersionOption, set_to<&HostDeviceOptions::mode, HostDeviceOptions::Mode::version>, true},
};

}  // namespace

std::string hostdev_help() {
    return options_help(
        R"(qemunit-hostdev take VM:DEVICE {--pci=ADDRESS [--with=ADDRESS]... | --usb=DEVICE [--optional]} [--force]
qemunit-hostdev give-back VM:DEVICE
qemunit-hostdev plugged BUS-PORT
qemunit-hostdev attach VM:DEVICE

Takes a device from the host for a VM, and gives it back; hands one that was plugged in later to the VM that
waits for it. Run as root by qemu-hostdev@.service, qemunit-plugged@.service, qemu-hostdev-attach@.service;
it is of no use in a shell.

)",
        kHostDeviceOptions, "\nSee qemunit.ini(5).\n");
}

Result<HostDeviceOptions> parse_hostdev_options(const std::vector<std::string> &arguments) {
    HostDeviceOptions options;
    const auto words = take_options(kHostDeviceOptions, arguments, Operands::anywhere, options);
    if (!words)
        return std::unexpected(words.error());
    if (options.mode != HostDeviceOptions::Mode::take)
        return options;
    using Mode = HostDeviceOptions::Mode;
    constexpr std::pair<std::string_view, Mode> kModes[] = {{"take", Mode::take},
                                                            {"give-back", Mode::give_back},
                                                            {"plugged", Mode::plugged},
                                                            {"attach", Mode::attach}};
    const auto *const mode =
        words->size() != 2
            ? std::end(kModes)
            : std::ranges::find(kModes, words->front(), &std::pair<std::string_view, Mode>::first);
    if (mode == std::end(kModes))
        return fail(EINVAL, "what to do, and of which VM:DEVICE, is needed; see --help");
    options.mode = mode->second;
    const std::string &instance = words->back();
    if (options.mode == Mode::plugged) {
        const auto address = parse_usb_address(instance);
        if (!address || !address->is_port)
            return fail(EINVAL, fmt::format("'{}' is not BUS-PORT", instance));
        options.port = instance;
        return options;
    }
    const std::size_t colon = instance.find(':');
    options.vm = instance.substr(0, colon);
    options.device = colon == instance.npos ? "" : instance.substr(colon + 1);
    if (!is_vm_name(options.vm) || !is_device_name(options.device))
        return fail(EINVAL, fmt::format("'{}' is not VM:DEVICE", instance));
    if (options.mode == Mode::take && options.pci.empty() == !options.usb)
        return fail(EINVAL, "--pci= or --usb= is needed, one of them; see --help");
    return options;
}

}  // namespace qemunit::helper
