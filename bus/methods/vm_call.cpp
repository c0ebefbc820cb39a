// SPDX-License-Identifier: MIT
#include "bus/methods/vm_call.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/bus_errors.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// dbus-daemon disconnects who sends a message of more than 32 MiB.
constexpr std::size_t kReplyMax = 16u << 20;

// What QEMU gets even if it took long to find out whether the caller may.
constexpr uint64_t kQemuTimeoutMin = 10 * kSecond;

// For a caller who has left the bus, nothing is begun and nothing answered.
void take_decision(const CallPtr &call, Decision &&decision,
                   const std::function<void(const CallPtr &)> &go) {
    if (decision.error)
        return reply_error(*call, decision.error, decision.message);
    if (decision.open.has_left())
        return;
    call->open = std::move(decision.open);
    // The VM may have ended while a person was typing a password.
    const auto vm = call->vm.lock();
    if (!vm)
        return reply_error(*call, bus_error::kNoSuchVm,
                           fmt::format("No VM '{}' is configured any more", call->vm_name));
    if (auto refusal = vm->refusal())
        return reply_error(*call, bus_error::kNotRunning, *refusal);
    call->deadline = std::max(call->deadline, now_of(*call) + kQemuTimeoutMin);
    go(call);
}

}  // namespace

uint64_t now_of(const Call &call) {
    return monotonic_now(sd_bus_get_event(sd_bus_message_get_bus(call.message.get())));
}

int begin_call(sd_bus_message *message, void *userdata, CallKind kind, sd_bus_error *error,
               std::function<void(const CallPtr &)> go) {
    Vm &vm = *static_cast<Vm *>(userdata);
    if (auto refusal = vm.refusal())
        return sd_bus_error_set(error, bus_error::kNotRunning, refusal->c_str());
    const auto call = std::make_shared<Call>(Call{keep_message(message),
                                                  vm.weak_from_this(),
                                                  vm.name(),
                                                  std::move(kind.asked),
                                                  kind.timeout,
                                                  0,
                                                  {}});
    call->deadline = now_of(*call) + call->timeout;
    authorize(message, kind.action, vm.name(), [call, go = std::move(go)](Decision &&decision) {
        take_decision(call, std::move(decision), go);
    });
    return 1;  // the reply comes later
}

void authorize_further(const CallPtr &call, Action action, const std::string &why,
                       std::function<void()> then) {
    authorize(call->message.get(), action, call->vm_name,
              [call, why, then = std::move(then)](Decision &&decision) {
                  if (decision.error)
                      decision.message += "; " + why;
                  take_decision(call, std::move(decision), [then](const CallPtr &) { then(); });
              });
}

bool is_read(const Call &call, int r) {
    if (r < 0)
        sd_bus_reply_method_errno(call.message.get(), r, nullptr);
    return r >= 0;
}

void execute(const CallPtr &call, std::string_view command, json arguments,
             VmMonitor::ReplyCallback answered, UniqueFd fd) {
    if (const auto vm = call->vm.lock())
        vm->execute(command, std::move(arguments), call->deadline, std::move(answered),
                    std::move(fd));
    else
        answered(std::unexpected(QmpError{QmpError::Kind::disconnected, "it is gone"}));
}

void ask(const CallPtr &call, std::string_view command, json arguments, Then then) {
    execute(call, command, std::move(arguments),
            [call, then = std::move(then)](const VmMonitor::Reply &reply) {
                if (reply)
                    then(*reply);
                else
                    reply_error(*call, reply.error());
            });
}

void ask_hmp(const CallPtr &call, const std::string &line,
             std::function<void(const std::string &)> then) {
    ask(call, "human-monitor-command", {{"command-line", line}},
        [then = std::move(then)](const json &reply) {
            const auto *output = reply.get_ptr<const std::string *>();
            then(output ? *output : "");
        });
}

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
                                           call.vm_name, call.asked, call.timeout / kSecond,
                                           error.message.empty() ? "" : ": ", error.message));
        case QmpError::Kind::disconnected:
            return reply_error(call, bus_error::kNotRunning,
                               fmt::format("VM '{}' was disconnected before it answered '{}': {}",
                                           call.vm_name, call.asked, error.message));
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
                                call.asked, text.size()));
}

void reply_fd(const Call &call, const UniqueFd &fd) {
    if (int r = sd_bus_reply_method_return(call.message.get(), "h", fd.get()); r < 0)
        reply_error(
            call, SD_BUS_ERROR_FAILED,
            fail_errno(r, fmt::format("The answer to '{}' cannot be sent over D-Bus", call.asked))
                .error()
                .message);
}

void reply_with_state(const CallPtr &call) {
    execute(call, "query-status", nullptr, [call](const VmMonitor::Reply &) { reply_done(*call); });
}

void reply_invalid(const Call &call, const std::string &text) {
    reply_error(call, bus_error::kInvalidArgument, text);
}

std::optional<JsonCommand> read_json_command(const Call &call) {
    const char *name = nullptr, *text = nullptr;
    if (!read_arguments(call, "ss", &name, &text))
        return std::nullopt;
    JsonCommand command{name, *text ? parse_json(text) : json()};
    if (command.name.empty())
        reply_invalid(call, "The command is empty");
    else if (*text && !command.arguments.is_object())
        reply_invalid(call, "The arguments are not a JSON object");
    else
        return command;
    return std::nullopt;
}

}  // namespace qemunit::bus
