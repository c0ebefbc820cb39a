// SPDX-License-Identifier: MIT
#include "bus/monitor/forward_request.h"

#include <fmt/format.h>

#include "common/host_forward.h"
#include "common/qmp/user_networks.h"

namespace qemunit::bus {

std::expected<ForwardRequest, std::string> parse_forward_request(std::string_view text,
                                                                 bool needs_guest) {
    ForwardRequest request;
    const std::size_t space = text.find(' ');
    if (space != text.npos) {
        request.network = text.substr(0, space);
        text.remove_prefix(space + 1);
        if (!is_network_name(request.network))
            return std::unexpected(
                fmt::format("'{}' is not the name of a network; write tcp::10022-:22 "
                            "or NETWORK tcp::10022-:22",
                            request.network));
    }
    std::string rule(text);
    if (!needs_guest && rule.find('-') == rule.npos)
        rule += "-:1";  // so that the parser of whole rules takes it
    const auto forward = parse_host_forward(rule);
    if (!forward)
        return std::unexpected(fmt::format("'{}': {}", text, forward.error()));
    request.rule = forward->text;
    request.host_side =
        fmt::format("{}:{}:{}", forward->protocol, forward->host_address, forward->host_port);
    return request;
}

}  // namespace qemunit::bus
