// SPDX-License-Identifier: MIT
#include "ctl/console/console.h"

#include <fmt/format.h>
#include <unistd.h>

#include "common/files/move_record.h"
#include "common/paths.h"
#include "common/shared_names.h"
#include "common/vm_name.h"
#include "ctl/console/console_session.h"
#include "ctl/vm/state_paths.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

// A person who only looks reads the journal, which has the whole console, and takes no place at the
// port.
Result<int> follow_journal(const Invocation &invocation, const std::string &port) {
    const std::string unit = "--unit=" + service_unit(invocation.arguments.front());
    std::vector<std::string> command{"journalctl", "--follow", "--lines=24", "--output=cat",
                                     "QEMUNIT_PORT=" + port};
    command.push_back(invocation.bus == Invocation::Bus::user ? "--user-" + unit.substr(2) : unit);
    std::vector<char *> argv;
    for (std::string &word : command)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    execvp(argv.front(), argv.data());
    return fail_errno(errno, "cannot run journalctl");
}

}  // namespace

std::string console_path(const Invocation &invocation, const std::string &port) {
    return paths_of(invocation).socket_path(invocation.arguments.front(), port);
}

std::string refusal_text(int code, const std::string &vm, const std::string &port,
                         const std::string &path) {
    switch (code) {
        case EACCES:
        case EPERM:
            return fmt::format(
                "permission denied: {0}. It is root's; SocketGroup=, SocketUser= and SocketMode= "
                "in "
                "[Serial {1}] of the ini file open it to others, after: systemctl daemon-reload; "
                "systemctl restart qemu@{2}",
                path, port, vm);
        case ENOENT:
        case ECONNREFUSED:
            return fmt::format(
                "nobody listens at {}. Does the VM run, and has it that port? Start it with: "
                "systemctl start qemu@{}",
                path, vm);
        case EAGAIN:
            return fmt::format("too many wait at {} already; try again", path);
        default:
            return fmt::format("cannot connect to {}: {}", path, std::strerror(code));
    }
}

namespace {

bool is_without_qemu(std::string_view state) {
    return state == "off" || state == "hibernated" || state == "crashed";
}

std::string advice_to_start(const std::string &vm, std::string_view state) {
    return fmt::format("{}; start it with: systemctl start qemu@{}",
                       state == "crashed" ? "has crashed" : fmt::format("is {}", state), vm);
}

}  // namespace

Result<> check_serial_port(const std::string &vm, const std::string &port) {
    if (port == kMonitorSocket || port == kQmpSocket || port == kControlSocket ||
        port == kCompanionSocket)
        return fail(EINVAL, fmt::format("'{}' is no serial port; there are: qemunitctl monitor {}, "
                                        "qemunitctl qmp {} COMMAND",
                                        port, vm, vm));
    if (!is_device_name(port))
        return fail(EINVAL, fmt::format("'{}' is no name of a serial port", port));
    return {};
}

Error connection_error(const Error &error, const Result<std::string> &state, const std::string &vm,
                       const std::string &port) {
    const int code = error.code;
    if ((code != ENOENT && code != ECONNREFUSED) || !state)
        return error;
    if (*state == "broken")
        return {code, fmt::format("its ini file has errors; see: qemunitctl check {}", vm)};
    if (is_without_qemu(*state))
        return {code, advice_to_start(vm, *state)};
    if (code == ENOENT)
        return {code, fmt::format("has no serial port '{}'; its sockets are those in: "
                                  "qemunitctl status {}",
                                  port, vm)};
    return error;
}

Result<int> run_console(const Invocation &invocation) {
    const std::string &vm = invocation.arguments.front();
    const std::string port =
        invocation.arguments.size() > 1 ? invocation.arguments[1] : std::string(kFirstSerialPort);
    if (auto checked = check_serial_port(vm, port); !checked)
        return std::unexpected(checked.error());
    auto bus = open_bus(invocation);
    // A console must not depend on D-Bus: without it, only some advice is less good.
    Result<std::string> state = bus ? vm_text(bus->get(), vm, "State") : fail(ENOTCONN, "");
    if (!state && state.error().code == ENOENT)
        return fail(ENOENT, state.error().message);
    if (invocation.has("--read-only"))
        return follow_journal(invocation, port);
    if (invocation.has("--wait") && !bus)
        return std::unexpected(bus.error());

    const ConsoleTarget target{vm, port, console_path(invocation, port)};
    auto session = ConsoleSession::open(target, invocation.has("--wait") ? bus->get() : nullptr);
    if (!session)
        return std::unexpected(connection_error(session.error(), state, vm, port));
    auto ended = (*session)->run();
    // Who has looked on while the VM moved wants to go on there.
    if (const auto paths = paths_with_state(invocation))
        if (const auto move = MoveRecord(moved_away_path_in(paths->state_dir(vm))).read())
            fmt::print(stderr,
                       "qemunitctl: {0}: has moved to {1}; its console is there: ssh -t {1} "
                       "qemunitctl console {2}\n",
                       vm, move->host, move->vm);
    if (ended || ended.error().code != EPIPE || !bus)
        return ended;
    // systemd stops the sockets of a VM after the VM: we may have come in between.
    const auto state_now = vm_text(bus->get(), vm, "State");
    if (state_now && is_without_qemu(*state_now) && *state_now != "crashed")
        return fail(EPIPE, advice_to_start(vm, *state_now));
    return ended;
}

}  // namespace qemunit::ctl
