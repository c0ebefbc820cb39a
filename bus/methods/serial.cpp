// SPDX-License-Identifier: MIT
//
// OpenSerial of org.qemunit1.VM: a connection to the socket of a serial port of a VM that runs,
// made by the daemon and handed on. It never boots a VM.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string>

#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "bus/monitor/serial_ports.h"
#include "common/bus_errors.h"
#include "common/shared_names.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// Answers why there is no connection, and what to do.
void reply_no_port(const Call &call, const std::string &port, const Error &error) {
    const std::string no_port =
        fmt::format("No connection to serial port '{}' of VM '{}'", port, call.vm_name);
    switch (error.code) {
        case EAGAIN:  // the relay takes everybody at once
            return reply_error(call, SD_BUS_ERROR_LIMITS_EXCEEDED,
                               fmt::format("{}: it is busy; with Direct=yes in [Serial {}], QEMU "
                                           "serves one client at a time, and two may wait",
                                           no_port, port));
        case EACCES:  // not AccessDenied: the caller may connect, and busctl drops the text of
                      // AccessDenied
            return reply_error(
                call, SD_BUS_ERROR_NOT_SUPPORTED,
                fmt::format("{}: SocketUser= in [Serial {}] of its ini keeps qemunitd out, "
                            "too; SocketGroup= alone, or SocketGroup=qemunitd beside it, does not",
                            no_port, port));
        case ECONNREFUSED:
        case ENOENT:
            return reply_error(call, bus_error::kNotRunning,
                               fmt::format("{}: the VM has just ended", no_port));
        default:
            return reply_error(call, SD_BUS_ERROR_FAILED,
                               fmt::format("{}: {}", no_port, error.message));
    }
}

void connect_port(const CallPtr &call, const std::string &port, const json &peripherals) {
    const auto vm = call->vm.lock();
    if (!vm)
        return;  // the VM is gone, and the call was answered by that
    const auto sockets = vm->sockets();
    const auto ports = serial_ports(sockets, peripherals);
    if (std::ranges::find(ports, port) == ports.end())
        return reply_error(*call, bus_error::kInvalidArgument,
                           fmt::format("VM '{}' has no serial port '{}'; it has: {}", call->vm_name,
                                       port, fmt::join(ports, ", ")));
    const auto client = connect_unix(sockets.at(port));
    if (!client)
        return reply_no_port(*call, port, client.error());
    // Blocking again, as a socket is that the caller connects: from here on it is the caller's
    // alone.
    if (const int flags = fcntl(client->get(), F_GETFL); flags >= 0)
        fcntl(client->get(), F_SETFL, flags & ~O_NONBLOCK);
    reply_fd(*call, *client);
}

int method_open_serial(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    // QEMU is asked in any case: a QEMU that answers runs, so that a connection to its socket boots
    // no VM.
    return begin_call(
        message, userdata, {Action::monitor, "qom-list"}, error, [](const CallPtr &call) {
            const char *port = nullptr;
            if (!read_arguments(*call, "s", &port))
                return;
            ask(call, "qom-list", {{"path", "/machine/peripheral"}},
                [call, port = *port ? std::string(port) : std::string(kFirstSerialPort)](
                    const json &peripherals) { connect_port(call, port, peripherals); });
        });
}

}  // namespace

const sd_bus_vtable kSerialMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("OpenSerial", SD_BUS_ARGS("s", port), SD_BUS_RESULT("h", socket),
                            method_open_serial, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
