// SPDX-License-Identifier: MIT
//
// AddHostForward, RemoveHostForward and GetHostForwards of org.qemunit1.VM: ports of the host that
// lead into the guest. A user network is a program beside QEMU (qemunit-usernet), which is asked
// over its control socket. One inside of QEMU (of an earlier version, or of Arguments=) is asked in
// the human monitor alone, so everything is checked here before a word of it gets there.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <expected>
#include <map>
#include <memory>
#include <vector>

#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "bus/monitor/forward_request.h"
#include "bus/monitor/usernet_sockets.h"
#include "common/bus_errors.h"
#include "common/qmp/hmp_text.h"
#include "common/qmp/user_networks.h"
#include "common/qmp/usernet_question.h"
#include "common/timer.h"
#include "common/usernet/request.h"

namespace qemunit::bus {

namespace {

// A network answers at once; one that hangs must not take a caller's whole patience.
constexpr uint64_t kUsernetTimeout = 5 * kSecond;

using Sockets = std::map<std::string, std::string>;

// What is done with a network: by its own program, or in QEMU's monitor.
struct ForwardCommand {
    UsernetRequest::Kind kind;
    const char *monitor;
    std::string ForwardRequest::*rule;  // of the monitor's command
};
constexpr ForwardCommand kAdd{UsernetRequest::Kind::add, "hostfwd_add", &ForwardRequest::rule};
constexpr ForwardCommand kRemove{UsernetRequest::Kind::remove, "hostfwd_remove",
                                 &ForwardRequest::host_side};

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

std::vector<std::string> names_of(const Sockets &sockets, const std::string &info_usernet) {
    std::vector<std::string> names;
    for (const auto &[name, socket] : sockets)
        names.push_back(name);
    for (UserNetwork &network : parse_user_networks(info_usernet))
        if (!network.name.empty() && !sockets.contains(network.name))
            names.push_back(std::move(network.name));
    return names;
}

// As the ini has them: by the cards in the output of "info network".
std::vector<std::string> in_order(std::vector<std::string> names, const std::string &info_network) {
    std::ranges::stable_sort(
        names, {}, [&](const std::string &name) { return info_network.find(name + ": index="); });
    return names;
}

// The good answer of the network's program only; an error goes to the caller.
void ask_usernet(const CallPtr &call, const std::string &network, const std::string &socket,
                 const std::string &line, std::function<void(const std::string &)> then) {
    sd_event *event = sd_bus_get_event(sd_bus_message_get_bus(call->message.get()));
    // The question lives until it is answered, which it is by its deadline.
    const auto question = std::make_shared<std::unique_ptr<UsernetQuestion>>();
    *question = std::make_unique<UsernetQuestion>(
        event, socket, line, monotonic_now(event) + kUsernetTimeout,
        [call, network, question, then = std::move(then)](const Result<std::string> &answer) {
            if (answer)
                then(*answer);
            else if (answer.error().code == ETIMEDOUT)
                reply_error(
                    *call, bus_error::kTimeout,
                    fmt::format("network '{}' of VM '{}': {} within {} s", network, call->vm_name,
                                answer.error().message, kUsernetTimeout / kSecond));
            else
                reply_error(*call, bus_error::kMonitor, answer.error().message);
        });
}

void give_monitor(const CallPtr &call, const std::string &line) {
    ask_hmp(call, line, [call](const std::string &output) {
        auto result = hmp_result(output);
        if (result && has_worked(*result))
            reply_done(*call);
        else
            reply_error(*call, bus_error::kMonitor, result ? *result : result.error());
    });
}

Sockets sockets_of(const Call &call) {
    const auto vm = call.vm.lock();
    return vm ? usernet_sockets(vm->paths(), vm->name()) : Sockets();
}

void run_on(const CallPtr &call, const ForwardCommand &command, const ForwardRequest &request,
            const std::string &info_usernet) {
    const Sockets sockets = sockets_of(*call);
    const std::vector<std::string> names = names_of(sockets, info_usernet);
    const auto network = choose(names, request.network, call->vm_name);
    if (!network && names.size() > 1)
        return ask_hmp(
            call, "info network", [call, names, asked = request.network](const std::string &info) {
                reply_invalid(*call, choose(in_order(names, info), asked, call->vm_name).error());
            });
    if (!network)
        return reply_invalid(*call, network.error());
    const auto socket = sockets.find(*network);
    if (socket == sockets.end())
        return give_monitor(
            call, fmt::format("{} {} {}", command.monitor, *network, request.*command.rule));
    ask_usernet(call, *network, socket->second, usernet_line(command.kind, request.rule),
                [call](const std::string &) { reply_done(*call); });
}

int run_forward(sd_bus_message *message, void *userdata, sd_bus_error *error,
                const ForwardCommand &command) {
    return begin_call(message, userdata, {Action::control, command.monitor}, error,
                      [&command](const CallPtr &call) {
                          const char *text = nullptr;
                          if (!read_arguments(*call, "s", &text))
                              return;
                          const bool needs_guest = command.kind == UsernetRequest::Kind::add;
                          const auto parsed = parse_forward_request(text, needs_guest);
                          if (!parsed)
                              return reply_invalid(*call, parsed.error());
                          ask_hmp(call, kUserNetworksCommand,
                                  [call, request = *parsed, &command](const std::string &info) {
                                      run_on(call, command, request, info);
                                  });
                      });
}

int method_add_host_forward(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return run_forward(message, userdata, error, kAdd);
}

int method_remove_host_forward(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return run_forward(message, userdata, error, kRemove);
}

void answer_forwards(const Call &call, const std::string &lists) {
    sd_bus_message *raw = nullptr;
    if (sd_bus_message_new_method_return(call.message.get(), &raw) < 0)
        return;
    const MessagePtr reply = own_message(raw);
    int r = sd_bus_message_open_container(raw, 'a', "(ss)");
    for (const Forward &forward : forwards_of(parse_user_networks(lists)))
        if (r >= 0)
            r = sd_bus_message_append(raw, "(ss)", forward.network.c_str(), forward.rule.c_str());
    if (r < 0 || sd_bus_message_close_container(raw) < 0)
        return reply_error(call, bus_error::kMonitor, "The forwards cannot be sent over D-Bus");
    sd_bus_send(nullptr, raw, nullptr);
}

// One network after the other: `left` are to be asked yet.
void list_forwards(const CallPtr &call, Sockets left, const std::string &lists) {
    if (left.empty())
        return answer_forwards(*call, lists);
    const auto next = left.extract(left.begin());
    ask_usernet(call, next.key(), next.mapped(), usernet_line(UsernetRequest::Kind::list),
                [call, left = std::move(left), lists](const std::string &list) {
                    list_forwards(call, left, lists + list);
                });
}

int method_get_host_forwards(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::control, kUserNetworksCommand}, error,
                      [](const CallPtr &call) {
                          ask_hmp(call, kUserNetworksCommand, [call](const std::string &info) {
                              list_forwards(call, sockets_of(*call), info);
                          });
                      });
}

}  // namespace

const sd_bus_vtable kForwardMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("AddHostForward", SD_BUS_ARGS("s", forward), SD_BUS_NO_RESULT,
                            method_add_host_forward, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("RemoveHostForward", SD_BUS_ARGS("s", forward), SD_BUS_NO_RESULT,
                            method_remove_host_forward, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("GetHostForwards", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(ss)", forwards),
                            method_get_host_forwards, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
