// SPDX-License-Identifier: MIT
//
// AddHostForward and RemoveHostForward of org.qemunit1.VM: ports of the host that lead into the
// guest. QEMU has them in its human monitor alone, so everything is checked here before a word of
// it gets there.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <expected>
#include <vector>

#include "bus/methods/forward_request.h"
#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "common/bus_errors.h"
#include "common/qmp/hmp_text.h"
#include "common/qmp/user_networks.h"

namespace qemunit::bus {

namespace {

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
std::expected<std::string, std::string> choose(std::string_view info_usernet,
                                               const std::string &asked, const std::string &vm) {
    std::vector<std::string> networks;
    for (UserNetwork &network : parse_user_networks(info_usernet))
        if (!network.name.empty())
            networks.push_back(std::move(network.name));
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
    return begin_call(message, userdata, {Action::control, asked}, error,
                      [needs_guest, make](const CallPtr &call) {
                          const char *text = nullptr;
                          if (!read_arguments(*call, "s", &text))
                              return;
                          const auto parsed = parse_forward_request(text, needs_guest);
                          if (!parsed)
                              return reply_invalid(*call, parsed.error());
                          ask_hmp(call, kUserNetworksCommand,
                                  [call, request = *parsed, make](const std::string &info) {
                                      const auto network =
                                          choose(info, request.network, call->vm_name);
                                      if (network)
                                          give_command(call, make(*network, request));
                                      else
                                          reply_invalid(*call, network.error());
                                  });
                      });
}

int method_add_host_forward(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return run_forward(message, userdata, error, /*needs_guest=*/true, "hostfwd_add", add_command);
}

int method_remove_host_forward(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return run_forward(message, userdata, error, /*needs_guest=*/false, "hostfwd_remove",
                       remove_command);
}

}  // namespace

const sd_bus_vtable kForwardMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("AddHostForward", SD_BUS_ARGS("s", forward), SD_BUS_NO_RESULT,
                            method_add_host_forward, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("RemoveHostForward", SD_BUS_ARGS("s", forward), SD_BUS_NO_RESULT,
                            method_remove_host_forward, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
