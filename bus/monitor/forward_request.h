// SPDX-License-Identifier: MIT
//
// What a caller of AddHostForward and RemoveHostForward asks for, taken apart and checked: QEMU has
// those commands in its human monitor alone, so nothing else may get there. Pure.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace qemunit::bus {

// "lan tcp::10022-:22", or without the network.
struct ForwardRequest {
    std::string network;    // "": the only one
    std::string rule;       // "tcp::10022-:22"
    std::string host_side;  // "tcp::10022", by which QEMU removes it
};

// `needs_guest`: whether the part from the '-' on has to be there. The error says what is wrong
// with the request.
std::expected<ForwardRequest, std::string> parse_forward_request(std::string_view text,
                                                                 bool needs_guest);

}  // namespace qemunit::bus
