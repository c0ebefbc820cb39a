// SPDX-License-Identifier: MIT
//
// AgentExecute of org.qemunit1.VM. What the agent says is passed on.
#include <fmt/format.h>

#include <string>

#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "bus/monitor/agent_conversation.h"
#include "bus/monitor/hot_drive.h"
#include "common/bus_errors.h"
#include "common/shared_names.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

void refuse(const Call &call, const std::string &text) {
    reply_error(call, bus_error::kAgent, text);
}

void time_out(const Call &call, bool is_given) {
    reply_error(call, bus_error::kTimeout,
                is_given
                    ? fmt::format("The guest agent of VM '{}' did not answer '{}' within {} s; "
                                  "it may still do it",
                                  call.vm_name, call.asked, call.timeout / kSecond)
                    : fmt::format("The guest agent of VM '{}' did not answer within {} s; '{}' "
                                  "was not given to it",
                                  call.vm_name, call.timeout / kSecond, call.asked));
}

void answer(const Call &call, const AgentEnd &end) {
    if (end.how == AgentEnd::How::timed_out)
        return time_out(call, end.is_given);
    if (end.answer && !*end.answer)
        return refuse(call, end.answer->error());
    if (end.answer)
        return reply_text(call, json_text(**end.answer));
    // An agent that has shut the guest down answers no more.
    if (end.how == AgentEnd::How::hung_up && !(end.is_given && call.asked == "guest-shutdown"))
        return reply_error(
            call, QmpError{QmpError::Kind::disconnected, "the guest agent's socket was closed"});
    reply_text(call, "");
}

void converse(const CallPtr &call, const json &arguments) {
    const auto vm = call->vm.lock();
    if (!vm)
        return reply_error(*call, QmpError{QmpError::Kind::disconnected, "it is gone"});
    const auto begun =
        ask_agent(sd_bus_get_event(sd_bus_message_get_bus(call->message.get())),
                  vm->paths().socket_path(vm->name(), kGuestAgentSocket), call->asked, arguments,
                  call->deadline, [call](const AgentEnd &end) { answer(*call, end); });
    if (!begun)
        refuse(*call, fmt::format("The guest agent of VM '{}' cannot be reached: {}", vm->name(),
                                  begun.error().message));
}

// QEMU is asked first: its answer says that QEMU runs, so that to connect starts no VM.
void look_for_agent(const CallPtr &call, const json &arguments) {
    ask(call, "qom-list", {{"path", "/machine/peripheral"}},
        [call, arguments](const json &peripherals) {
            if (!qom_children(peripherals).contains(std::string(kGuestAgentDevice)))
                return refuse(*call,
                              fmt::format("VM '{}' has no channel to a guest agent; GuestAgent=yes "
                                          "in [VM] of its ini gives it one at the next start",
                                          call->vm_name));
            ask(call, "query-chardev", nullptr, [call, arguments](const json &chardevs) {
                if (is_agent_open(chardevs))
                    converse(call, arguments);
                else
                    refuse(*call, fmt::format("No guest agent runs in VM '{}': nothing there has "
                                              "opened its channel; install qemu-guest-agent in the "
                                              "guest and start it",
                                              call->vm_name));
            });
        });
}

int method_agent_execute(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::monitor, "guest agent"}, error,
                      [](const CallPtr &call) {
                          const auto command = read_json_command(*call);
                          if (!command)
                              return;
                          call->asked = command->name;
                          look_for_agent(call, command->arguments);
                      });
}

}  // namespace

const sd_bus_vtable kAgentMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("AgentExecute", SD_BUS_ARGS("s", command, "s", arguments),
                            SD_BUS_RESULT("s", result), method_agent_execute, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
