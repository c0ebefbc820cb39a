// SPDX-License-Identifier: MIT
//
// The methods of org.qemunit1.VM about ports of the host that lead into the guest, as sd-bus
// handlers; see vm_methods.h. QEMU has them in its human monitor alone, so everything is
// checked here before a word of it gets there.
#pragma once

#include <systemd/sd-bus.h>

#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace qemunit::bus {

int method_add_host_forward(sd_bus_message *message, void *userdata, sd_bus_error *error);
int method_remove_host_forward(sd_bus_message *message, void *userdata, sd_bus_error *error);

// "lan tcp::10022-:22", or without the network, taken apart.
struct ForwardRequest {
    std::string network;    // "": the only one
    std::string rule;       // "tcp::10022-:22"
    std::string host_side;  // "tcp::10022", by which QEMU removes it
};

// `needs_guest`: whether the part from the '-' on has to be there. Or what is wrong with it.
std::expected<ForwardRequest, std::string> parse_forward_request(std::string_view text,
                                                                 bool needs_guest);

// The names in the output of `info usernet`.
std::vector<std::string> user_networks(std::string_view info_usernet);

}  // namespace qemunit::bus
