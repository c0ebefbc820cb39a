// SPDX-License-Identifier: MIT
//
// OpenMonitor, OpenQMP and PassFD of org.qemunit1.VM: fds that go from the daemon to a caller, and
// from a caller to QEMU.
#include <fcntl.h>
#include <fmt/format.h>

#include <string>

#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "bus/sessions/hmp_language.h"
#include "bus/sessions/qmp_language.h"
#include "common/bus_errors.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

using MakeLanguage = std::unique_ptr<MonitorLanguage> (*)(const Vm &vm, const json &version);

std::unique_ptr<MonitorLanguage> make_hmp(const Vm &vm, const json &) {
    return std::make_unique<HmpLanguage>(vm.qemu_version());
}

std::unique_ptr<MonitorLanguage> make_qmp(const Vm &, const json &version) {
    return std::make_unique<QmpLanguage>(version);
}

// QEMU's version is for the greeting of each client, and its answer proves that QEMU is there.
int open_session(sd_bus_message *message, void *userdata, sd_bus_error *error, MakeLanguage make) {
    return begin_call(
        message, userdata, {Action::monitor, "query-version"}, error, [make](const CallPtr &call) {
            ask(call, "query-version", nullptr, [call, make](const json &version) {
                const auto vm = call->vm.lock();
                if (!vm)
                    return;  // nobody's: the VM has answered this
                const char *caller = sd_bus_message_get_sender(call->message.get());
                const auto client = vm->sessions().open(caller ? caller : "", make(*vm, version));
                if (client)
                    return reply_fd(*call, *client);
                reply_error(*call,
                            client.error().code == EUSERS ? SD_BUS_ERROR_LIMITS_EXCEEDED
                                                          : SD_BUS_ERROR_FAILED,
                            fmt::format("No monitor session of VM '{}': {}", call->vm_name,
                                        client.error().message));
            });
        });
}

void pass_fd(const CallPtr &call) {
    const char *name = nullptr;
    int fd = -1;  // the message's
    if (!read_arguments(*call, "sh", &name, &fd))
        return;
    if (!*name)
        return reply_invalid(*call, "The name of the file descriptor is empty");
    UniqueFd passed(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!is_read(*call, passed ? 0 : -errno))
        return;
    execute(
        call, "getfd", {{"fdname", name}},
        [call](const VmMonitor::Reply &reply) {
            if (reply)
                reply_done(*call);
            else
                reply_error(*call, reply.error());
        },
        std::move(passed));
}

int method_open_monitor(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return open_session(message, userdata, error, make_hmp);
}

int method_open_qmp(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return open_session(message, userdata, error, make_qmp);
}

int method_pass_fd(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::monitor, "getfd"}, error, pass_fd);
}

}  // namespace

const sd_bus_vtable kSessionMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("OpenMonitor", SD_BUS_NO_ARGS, SD_BUS_RESULT("h", socket),
                            method_open_monitor, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("OpenQMP", SD_BUS_NO_ARGS, SD_BUS_RESULT("h", socket), method_open_qmp,
                            kAnybody),
    SD_BUS_METHOD_WITH_ARGS("PassFD", SD_BUS_ARGS("s", name, "h", fd), SD_BUS_NO_RESULT,
                            method_pass_fd, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
