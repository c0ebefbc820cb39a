// SPDX-License-Identifier: MIT
#include "bus/vm_methods.h"

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "bus/failed_load.h"
#include "bus/vm_call.h"
#include "common/bus_errors.h"
#include "common/hmp_text.h"

namespace qemunit {

using nlohmann::json;

namespace {

// `quit` has worked when QEMU is gone, whether or not it still said so.
VmMonitor::Reply gone_is_fine(VmMonitor::Reply reply) {
    if (!reply && reply.error().kind == QmpError::Kind::disconnected)
        return json::object();
    return reply;
}

int control(sd_bus_message *message, void *userdata, std::string command, sd_bus_error *error,
            std::function<void(const CallPtr &)> done) {
    return begin_call(message, userdata, {Action::control, command}, error,
                      [command, done = std::move(done)](const CallPtr &call) {
                          ask(call, command, nullptr, [call, done](const json &) { done(call); });
                      });
}

void answer_done(const CallPtr &call) {
    reply_done(*call);
}

}  // namespace

int method_monitor_command(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    const char *raw = nullptr;
    if (int r = sd_bus_message_read(message, "s", &raw); r < 0)
        return r;
    const std::string line = raw;
    if (line.find_first_not_of(" \t") == std::string::npos)
        return invalid(error, "The monitor command is empty");
    if (line.find_first_of("\r\n") != std::string::npos)
        return invalid(error, "A monitor command is one line");
    const auto answer = [quits = is_hmp_quit(line), loads = is_hmp_load(line)](
                            const CallPtr &call, VmMonitor::Reply reply) {
        if (quits)
            reply = gone_is_fine(std::move(reply));
        if (!reply)
            return reply_error(*call, reply.error());
        const auto *output = reply->get_ptr<const std::string *>();
        auto result = hmp_result(output ? std::string_view(*output) : "");
        if (result)
            reply_text(*call, *result);
        else if (const auto why = hmp_error(result.error()); loads && !why.empty())
            answer_failed_load(call, std::string(why));
        else
            reply_error(*call, bus_error::kMonitor, result.error());
    };
    return begin_call(
        message, userdata, {Action::monitor, line}, error, [line, answer](const CallPtr &call) {
            execute(call, "human-monitor-command", {{"command-line", line}},
                    [call, answer](VmMonitor::Reply reply) { answer(call, std::move(reply)); });
        });
}

int method_execute(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    JsonCommand json_command;
    if (int r = read_json_command(message, json_command, error); r < 0)
        return r;
    const auto &[command, arguments] = json_command;
    return begin_call(message, userdata, {Action::monitor, command}, error,
                      [command, arguments](const CallPtr &call) {
                          execute(call, command, arguments,
                                  [call, command](VmMonitor::Reply reply) {
                                      if (command == "quit")
                                          reply = gone_is_fine(std::move(reply));
                                      if (reply)
                                          reply_text(*call, json_text(*reply));
                                      else
                                          reply_error(*call, reply.error());
                                  });
                      });
}

int method_pause(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return control(message, userdata, "stop", error, reply_with_state);
}

int method_resume(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::control, "cont"}, error, [](const CallPtr &call) {
        ask(call, "query-status", nullptr, [call](const json &status) {
            if (string_at(status, "status") == "restore-vm")
                return reply_error(
                    *call, bus_error::kMonitor,
                    fmt::format("VM '{0}' could not load a snapshot, and its machine may be "
                                "half-loaded: Reset it first (or `qemunitctl cmd {0} "
                                "system_reset`), or load another snapshot",
                                call->vm_name));
            ask(call, "cont", nullptr, [call](const json &) { reply_with_state(call); });
        });
    });
}

int method_reset(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return control(message, userdata, "system_reset", error, answer_done);
}

int method_power_off(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return control(message, userdata, "system_powerdown", error, answer_done);
}

int method_quit(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::control, "quit"}, error, [](const CallPtr &call) {
        execute(call, "quit", nullptr, [call](VmMonitor::Reply reply) {
            if (reply = gone_is_fine(std::move(reply)); reply)
                reply_done(*call);
            else
                reply_error(*call, reply.error());
        });
    });
}

}  // namespace qemunit
