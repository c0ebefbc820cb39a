// SPDX-License-Identifier: MIT
//
// Commands of the two monitors, and what controls the machine: each method of org.qemunit1.VM here
// becomes a QMP command, and replies when QEMU has answered, or when its deadline has passed.
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "bus/methods/failed_load.h"
#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "common/bus_errors.h"
#include "common/qmp/hmp_text.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// `quit` has worked when QEMU is gone, also if QEMU has not answered.
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

void answer_monitor_command(const CallPtr &call, const VmMonitor::Reply &reply) {
    if (!reply)
        return reply_error(*call, reply.error());
    const auto *output = reply->get_ptr<const std::string *>();
    auto result = hmp_result(output ? std::string_view(*output) : "");
    if (result)
        reply_text(*call, *result);
    else if (const auto why = hmp_error(result.error()); is_hmp_load(call->asked) && !why.empty())
        answer_failed_load(call, std::string(why));
    else
        reply_error(*call, bus_error::kMonitor, result.error());
}

void run_monitor_command(const CallPtr &call) {
    const char *line = nullptr;
    if (!read_arguments(*call, "s", &line))
        return;
    call->asked = line;
    if (call->asked.find_first_not_of(" \t") == std::string::npos)
        return reply_invalid(*call, "The monitor command is empty");
    if (call->asked.find_first_of("\r\n") != std::string::npos)
        return reply_invalid(*call, "A monitor command is one line");
    execute(call, "human-monitor-command", {{"command-line", call->asked}},
            [call](VmMonitor::Reply reply) {
                if (is_hmp_quit(call->asked))
                    reply = gone_is_fine(std::move(reply));
                answer_monitor_command(call, reply);
            });
}

void run_command(const CallPtr &call) {
    auto command = read_json_command(*call);
    if (!command)
        return;
    call->asked = command->name;
    execute(call, command->name, std::move(command->arguments), [call](VmMonitor::Reply reply) {
        if (call->asked == "quit")
            reply = gone_is_fine(std::move(reply));
        if (reply)
            reply_text(*call, json_text(*reply));
        else
            reply_error(*call, reply.error());
    });
}

int method_monitor_command(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::monitor, "human-monitor-command"}, error,
                      run_monitor_command);
}

int method_execute(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::monitor, "execute"}, error, run_command);
}

int method_pause(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return control(message, userdata, "stop", error, reply_with_state);
}

// A VM that comes from another host, or from its saved state, is let run by its companion alone.
void refuse_guest_of_another_host(const Call &call) {
    reply_error(call, bus_error::kMonitor,
                fmt::format("VM '{}' is still coming from another host, or being resumed; it runs "
                            "by itself when it may",
                            call.vm_name));
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
            // QEMU would run the guest, and change the disks that the saved state fits.
            if (string_at(status, "status") == "postmigrate")
                return reply_error(
                    *call, bus_error::kMonitor,
                    fmt::format(
                        "The machine's state of VM '{}' is saved, or given to another "
                        "host; it ends, and goes on with the next start, or there. After a "
                        "move that has failed, it goes on by itself, or its status says why not",
                        call->vm_name));
            if (string_at(status, "status") == "inmigrate")
                return refuse_guest_of_another_host(*call);
            ask(call, "query-migrate", nullptr, [call](const json &migration) {
                const auto vm = call->vm.lock();
                if (vm && vm->is_starting() && string_at(migration, "status") == "completed")
                    return refuse_guest_of_another_host(*call);
                ask(call, "cont", nullptr, [call](const json &) { reply_with_state(call); });
            });
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

}  // namespace

const sd_bus_vtable kCommandMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("MonitorCommand", SD_BUS_ARGS("s", command), SD_BUS_RESULT("s", output),
                            method_monitor_command, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("Execute", SD_BUS_ARGS("s", command, "s", arguments),
                            SD_BUS_RESULT("s", result), method_execute, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("Pause", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_pause, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("Resume", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_resume, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("Reset", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_reset, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("PowerOff", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_power_off,
                            kAnybody),
    SD_BUS_METHOD_WITH_ARGS("Quit", SD_BUS_NO_ARGS, SD_BUS_NO_RESULT, method_quit, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
