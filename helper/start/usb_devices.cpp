// SPDX-License-Identifier: MIT
#include "helper/start/usb_devices.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <optional>

#include "common/host_device/places.h"
#include "common/whole_number.h"
#include "helper/handover/descriptor_store.h"

namespace qemunit::helper {

namespace {

struct UsbOption {
    unsigned set = 0;
    std::string name;
};

// "usb-host,hostdevice=/dev/fdset/2000,bus=qemunit-usb.0,id=stick". No name has a comma.
std::optional<UsbOption> parse_usb_option(std::string_view value) {
    constexpr std::string_view kUsbHost = "usb-host,hostdevice=/dev/fdset/", kId = ",id=";
    const std::size_t id = value.rfind(kId);
    if (!value.starts_with(kUsbHost) || id == value.npos)
        return std::nullopt;
    value.remove_prefix(kUsbHost.size());
    const auto set = whole_number<unsigned>(value.substr(0, value.find(',')));
    if (!set || *set < kFirstUsbSet)
        return std::nullopt;
    return UsbOption{*set, std::string(value.substr(id - kUsbHost.size() + kId.size()))};
}

}  // namespace

Result<UsbDevices> take_usb_devices(StoredFiles &stored, std::vector<std::string> &qemu,
                                    const std::vector<std::string> &optional) {
    UsbDevices devices;
    for (auto option = qemu.begin(); option != qemu.end() && std::next(option) != qemu.end();) {
        const auto device = *option == "-device" ? parse_usb_option(*std::next(option))
                                                 : std::optional<UsbOption>();
        if (!device) {
            ++option;
            continue;
        }
        const std::string name = stored_usb_name(device->name);
        if (auto file = stored.extract(name)) {
            (void)remove_stored(name);  // it goes with the unit at the latest
            devices.arguments.insert(
                devices.arguments.end(),
                {"-add-fd", fmt::format("fd={},set={},opaque={}{}", file.mapped().get(),
                                        device->set, kUsbLabel, device->name)});
            devices.fds.push_back(std::move(file.mapped()));
            option += 2;
        } else if (std::ranges::find(optional, device->name) != optional.end()) {
            option = qemu.erase(option, option + 2);
        } else {
            return fail(ENODEV, fmt::format("[HostDevice {}]: the device was unplugged while the "
                                            "VM started",
                                            device->name));
        }
    }
    return devices;
}

}  // namespace qemunit::helper
