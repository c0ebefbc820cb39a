// SPDX-License-Identifier: MIT
#include "common/host_device/address.h"

#include <algorithm>

#include "common/ascii.h"
#include "common/whole_number.h"

namespace qemunit {

namespace {

bool is_hex(std::string_view text, std::size_t digits) {
    return text.size() == digits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

// The kernel's numbers have no zero before them.
bool is_place(std::string_view text) {
    const auto number = whole_number<unsigned>(text);
    return number && *number > 0 && *number < 256 && text.front() != '0';
}

bool is_usb_port(std::string_view text) {
    const std::size_t dash = text.find('-');
    if (dash == text.npos || !is_place(text.substr(0, dash)))
        return false;
    constexpr int kDeepest = 6;  // ports; a bus has no more hubs in a row
    std::string_view rest = text.substr(dash + 1);
    for (int depth = 0; depth < kDeepest; ++depth) {
        const std::size_t dot = std::min(rest.find('.'), rest.size());
        if (!is_place(rest.substr(0, dot)))
            return false;
        if (dot == rest.size())
            return true;
        rest.remove_prefix(dot + 1);
    }
    return false;
}

}  // namespace

std::optional<std::string> parse_pci_address(std::string_view text) {
    constexpr std::size_t kShort = 7, kLong = 12;
    std::string address = to_lower(text);
    if (address.size() == kShort)
        address.insert(0, "0000:");
    if (address.size() != kLong)
        return std::nullopt;
    const std::string_view all = address;
    const auto slot = whole_number<unsigned>(all.substr(8, 2), {.base = 16});
    const bool is_one = is_hex(all.substr(0, 4), 4) && all[4] == ':' &&
                        is_hex(all.substr(5, 2), 2) && all[7] == ':' &&
                        is_hex(all.substr(8, 2), 2) && slot && *slot < 32 && all[10] == '.' &&
                        all[11] >= '0' && all[11] <= '7';
    return is_one ? std::optional(std::move(address)) : std::nullopt;
}

std::optional<UsbAddress> parse_usb_address(std::string_view text) {
    if (is_usb_port(text))
        return UsbAddress{std::string(text), true};
    std::string address = to_lower(text);
    const std::string_view all = address;
    if (all.size() == 9 && is_hex(all.substr(0, 4), 4) && all[4] == ':' && is_hex(all.substr(5), 4))
        return UsbAddress{std::move(address), false};
    return std::nullopt;
}

}  // namespace qemunit
