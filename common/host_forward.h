// SPDX-License-Identifier: MIT
//
// A port of the host that leads into the guest, as QEMU's user network writes it (qemu(1),
// hostfwd). For the ini file and for calls on the bus; text that is no forward never reaches QEMU.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace qemunit {

struct HostForward {
    std::string text;  // "tcp:127.0.0.1:10022-:22", QEMU's own syntax
    std::string protocol;
    std::string host_address;  // "": all
    unsigned host_port = 0;
    std::string guest_address;  // "": what DHCP gave it
    unsigned guest_port = 0;

    bool is_for_all_addresses() const { return host_address.empty() || host_address == "0.0.0.0"; }
};

// The error says what is wrong with the text.
std::expected<HostForward, std::string> parse_host_forward(std::string_view text);

}  // namespace qemunit
