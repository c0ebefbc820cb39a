// SPDX-License-Identifier: MIT
#include "bus/methods/forwards.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "bus/methods/vm_call.h"
#include "common/bus_errors.h"
#include "common/host_forward.h"
#include "common/qmp/hmp_text.h"

namespace qemunit::bus {

namespace {

// The id of a network (id_wellformed() in util/id.c of QEMU).
bool is_network_name(std::string_view name) {
    return !name.empty() && name.find_first_not_of(
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789_.-") == name.npos;
}

using CommandMaker = std::string (*)(const std::string &network, const ForwardRequest &);

std::string add_command(const std::string &network, const ForwardRequest &request) {
    return fmt::format("hostfwd_add {} {}", network, request.rule);
}

std::string remove_command(const std::string &network, const ForwardRequest &request) {
    return fmt::format("hostfwd_remove {} {}", network, request.host_side);
}

// hostfwd_add says nothing, hostfwd_remove says so (net/slirp.c of QEMU).
bool has_worked(std::string_view output) {
    return output.empty() || output.ends_with(" removed");
}

// The network of the request, or the only one there is.
std::expected<std::string, std::string> choose(const std::vector<std::string> &networks,
                                               const std::string &asked, const std::string &vm) {
    if (networks.empty())
        return std::unexpected(
            fmt::format("VM '{}' has no user network, whose ports could be forwarded; "
                        "[Network lan] in its ini makes one",
                        vm));
    const bool is_there = std::ranges::find(networks, asked) != networks.end();
    if (is_there || (asked.empty() && networks.size() == 1))
        return asked.empty() ? networks.front() : asked;
    if (asked.empty())
        return std::unexpected(fmt::format(
            "VM '{0}' has several user networks: {1}; name one, as in '{2} tcp::10022-:22'", vm,
            fmt::join(networks, ", "), networks.front()));
    return std::unexpected(fmt::format("VM '{}' has no user network '{}'; it has: {}", vm, asked,
                                       fmt::join(networks, ", ")));
}

void give_command(const CallPtr &call, const std::string &line) {
    ask_hmp(call, line, [call](const std::string &output) {
        auto result = hmp_result(output);
        if (result && has_worked(*result))
            reply_done(*call);
        else
            reply_error(*call, bus_error::kMonitor, result ? *result : result.error());
    });
}

int run_forward(sd_bus_message *message, void *userdata, sd_bus_error *error, bool needs_guest,
                const char *asked, CommandMaker make) {
    return begin_call(
        message, userdata, {Action::control, asked}, error,
        [needs_guest, make](const CallPtr &call) {
            const char *text = nullptr;
            if (!read_arguments(*call, "s", &text))
                return;
            const auto parsed = parse_forward_request(text, needs_guest);
            if (!parsed)
                return reply_invalid(*call, parsed.error());
            ask_hmp(call, "info usernet", [call, request = *parsed, make](const std::string &info) {
                const auto network = choose(user_networks(info), request.network, call->vm_name);
                if (network)
                    give_command(call, make(*network, request));
                else
                    reply_invalid(*call, network.error());
            });
        });
}

}  // namespace

int method_add_host_forward(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return run_forward(message, userdata, error, /*needs_guest=*/true, "hostfwd_add", add_command);
}

int method_remove_host_forward(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return run_forward(message, userdata, error, /*needs_guest=*/false, "hostfwd_remove",
                       remove_command);
}

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
        rule += "-:1";  // so that one parser will do
    const auto forward = parse_host_forward(rule);
    if (!forward)
        return std::unexpected(fmt::format("'{}': {}", text, forward.error()));
    request.rule = forward->text;
    request.host_side =
        fmt::format("{}:{}:{}", forward->protocol, forward->host_address, forward->host_port);
    return request;
}

// "Hub -1 (lan):" before each table (hmp_info_usernet() in net/slirp.c).
std::vector<std::string> user_networks(std::string_view info_usernet) {
    std::vector<std::string> networks;
    while (!info_usernet.empty()) {
        const std::size_t end = std::min(info_usernet.find('\n'), info_usernet.size() - 1);
        std::string_view line = info_usernet.substr(0, end + 1);
        info_usernet.remove_prefix(end + 1);
        while (line.ends_with('\n') || line.ends_with('\r'))
            line.remove_suffix(1);
        const std::size_t open = line.find('(');
        if (line.starts_with("Hub ") && open != line.npos && line.ends_with("):"))
            if (const auto name = line.substr(open + 1, line.size() - open - 3);
                is_network_name(name))
                networks.emplace_back(name);
    }
    return networks;
}

}  // namespace qemunit::bus
