// SPDX-License-Identifier: MIT
#include "bus/vm_methods.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <string_view>

#include "bus/bus_ptr.h"
#include "bus/errors.h"
#include "bus/hmp_text.h"
#include "bus/vm.h"

namespace qemunit {

using nlohmann::json;

namespace {

// Below the 25 s after which callers give up by themselves (sd_bus_call(3)), so that
// they see our error.
constexpr uint64_t kDeadline = 20 * kSecond;

// dbus-daemon disconnects who sends a message of more than 32 MiB.
constexpr std::size_t kReplyMax = 16u << 20;

// A method call that is being answered. It may outlive its VM.
struct Call {
    MessagePtr message;
    std::string vm;
    std::string command;  // what the caller asked for, as errors name it
    uint64_t deadline;
};

using CallPtr = std::shared_ptr<const Call>;

void reply_error(const Call &call, const char *error, const std::string &text) {
    sd_bus_reply_method_errorf(call.message.get(), error, "%s", text.c_str());
}

void reply_error(const Call &call, const QmpError &error) {
    switch (error.kind) {
        case QmpError::Kind::monitor:
            return reply_error(call, bus_error::kMonitor, error.message);
        case QmpError::Kind::timeout:
            return reply_error(call, bus_error::kTimeout,
                               fmt::format("QEMU of VM '{}' did not answer '{}' within {} s{}{}",
                                           call.vm, call.command, kDeadline / kSecond,
                                           error.message.empty() ? "" : ": ", error.message));
        case QmpError::Kind::disconnected:
            return reply_error(call, bus_error::kNotRunning,
                               fmt::format("VM '{}' was disconnected before it answered '{}': {}",
                                           call.vm, call.command, error.message));
    }
}

void reply_done(const Call &call) {
    sd_bus_reply_method_return(call.message.get(), "");
}

void reply_text(const Call &call, const std::string &text) {
    // sd-bus refuses what D-Bus cannot carry, such as some characters that JSON can.
    if (text.size() > kReplyMax ||
        sd_bus_reply_method_return(call.message.get(), "s", text.c_str()) < 0)
        reply_error(call, bus_error::kMonitor,
                    fmt::format("the answer to '{}' cannot be sent over D-Bus ({} bytes)",
                                call.command, text.size()));
}

using AnswerHandler = std::function<void(const CallPtr &, VmMonitor::Reply)>;

// Gives the command to QEMU; `answered` then replies. The last thing a method does.
int start(sd_bus_message *message, Vm &vm, std::string asked, std::string_view command,
          json arguments, sd_bus_error *error, AnswerHandler answered) {
    if (auto refusal = vm.refusal())
        return sd_bus_error_set(error, bus_error::kNotRunning, refusal->c_str());
    sd_event *event = sd_bus_get_event(sd_bus_message_get_bus(message));
    const CallPtr call = std::make_shared<const Call>(
        Call{keep_message(message), vm.name(), std::move(asked), monotonic_now(event) + kDeadline});
    vm.execute(command, std::move(arguments), call->deadline,
               [call, answered = std::move(answered)](VmMonitor::Reply reply) {
                   answered(call, std::move(reply));
               });
    return 1;  // the reply comes later
}

void answer_done(const CallPtr &call, VmMonitor::Reply reply) {
    if (reply)
        reply_done(*call);
    else
        reply_error(*call, reply.error());
}

// `quit` has worked when QEMU is gone, whether or not it still said so.
VmMonitor::Reply gone_is_fine(VmMonitor::Reply reply) {
    if (!reply && reply.error().kind == QmpError::Kind::disconnected)
        return json::object();
    return reply;
}

// Whoever has paused a VM shall see it paused: the reply waits for State to follow.
int start_and_refresh(sd_bus_message *message, void *userdata, std::string_view command,
                      sd_bus_error *error) {
    Vm &vm = *static_cast<Vm *>(userdata);
    return start(message, vm, std::string(command), command, nullptr, error,
                 [&vm](const CallPtr &call, VmMonitor::Reply reply) {
                     if (!reply)
                         return reply_error(*call, reply.error());
                     vm.execute("query-status", nullptr, call->deadline,
                                [call](VmMonitor::Reply) { reply_done(*call); });
                 });
}

int start_simple(sd_bus_message *message, void *userdata, std::string_view command,
                 sd_bus_error *error) {
    return start(message, *static_cast<Vm *>(userdata), std::string(command), command, nullptr,
                 error, answer_done);
}

int invalid(sd_bus_error *error, const char *text) {
    return sd_bus_error_set(error, bus_error::kInvalidArgument, text);
}

}  // namespace

int method_monitor_command(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    const char *raw = nullptr;
    if (int r = sd_bus_message_read(message, "s", &raw); r < 0)
        return r;
    const std::string line = raw;
    const std::size_t begin = line.find_first_not_of(" \t");
    if (begin == std::string::npos)
        return invalid(error, "The monitor command is empty");
    if (line.find_first_of("\r\n") != std::string::npos)
        return invalid(error, "A monitor command is one line");
    const std::string_view word = std::string_view(line).substr(begin);
    const bool quits = word == "quit" || word == "q";
    return start(message, *static_cast<Vm *>(userdata), line, "human-monitor-command",
                 json{{"command-line", line}}, error,
                 [quits](const CallPtr &call, VmMonitor::Reply reply) {
                     if (quits)
                         reply = gone_is_fine(std::move(reply));
                     if (!reply)
                         return reply_error(*call, reply.error());
                     const auto *output = reply->get_ptr<const std::string *>();
                     auto result = hmp_result(output ? std::string_view(*output) : "");
                     if (result)
                         reply_text(*call, *result);
                     else
                         reply_error(*call, bus_error::kMonitor, result.error());
                 });
}

int method_execute(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    const char *command = nullptr;
    const char *text = nullptr;
    if (int r = sd_bus_message_read(message, "ss", &command, &text); r < 0)
        return r;
    if (!*command)
        return invalid(error, "The command is empty");
    json arguments;
    if (*text) {
        arguments = parse_json(text);
        if (!arguments.is_object())
            return invalid(error, "The arguments are not a JSON object");
    }
    const bool quits = command == std::string_view("quit");
    return start(message, *static_cast<Vm *>(userdata), command, command, std::move(arguments),
                 error, [quits](const CallPtr &call, VmMonitor::Reply reply) {
                     if (quits)
                         reply = gone_is_fine(std::move(reply));
                     if (reply)
                         reply_text(*call, json_text(*reply));
                     else
                         reply_error(*call, reply.error());
                 });
}

int method_pause(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return start_and_refresh(message, userdata, "stop", error);
}

int method_resume(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return start_and_refresh(message, userdata, "cont", error);
}

int method_reset(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return start_simple(message, userdata, "system_reset", error);
}

int method_power_off(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return start_simple(message, userdata, "system_powerdown", error);
}

int method_quit(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return start(message, *static_cast<Vm *>(userdata), "quit", "quit", nullptr, error,
                 [](const CallPtr &call, VmMonitor::Reply reply) {
                     answer_done(call, gone_is_fine(std::move(reply)));
                 });
}

}  // namespace qemunit
