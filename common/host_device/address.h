// SPDX-License-Identifier: MIT
//
// How a device of the host is named in [HostDevice …]: the generator reads it from the ini, and
// qemunit-hostdev from its options. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qemunit {

// "0000:03:00.0", as the kernel has it, also of "03:00.0".
std::optional<std::string> parse_pci_address(std::string_view text);

// By what it is, or by where it is plugged in.
struct UsbAddress {
    std::string text;  // "046d:c52b", vendor and product; "1-2.3", bus and ports
    bool is_port = false;
};
std::optional<UsbAddress> parse_usb_address(std::string_view text);

}  // namespace qemunit
