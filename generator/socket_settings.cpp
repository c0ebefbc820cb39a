// SPDX-License-Identifier: MIT
#include "generator/socket_settings.h"

#include <fmt/format.h>

#include "common/paths.h"
#include "generator/qemu_arguments.h"

namespace qemunit {

namespace {

std::string access_settings(const SocketAccess &access) {
    std::string text;
    if (access.mode)
        text += fmt::format("SocketMode={:04o}\n", access.mode->bits);
    if (access.user)
        text += fmt::format("SocketUser={}\n", access.user->text);
    if (access.group)
        text += fmt::format("SocketGroup={}\n", access.group->text);
    return text;
}

// One socket unit has one mode and owner for all its sockets; a single one of them gets
// its own by these. They run as root before anybody is told that the socket is there.
std::string access_commands(const std::string &path, const SocketAccess &access) {
    std::string text;
    if (access.user || access.group)
        text +=
            fmt::format("ExecStartPost=/bin/chown {}:{} {}\n", access.user ? access.user->text : "",
                        access.group ? access.group->text : "", path);
    if (access.mode)
        text += fmt::format("ExecStartPost=/bin/chmod {:04o} {}\n", access.mode->bits, path);
    return text;
}

// Without a word in the ini, qemunitd connects as the sockets' group (units/qemunit.tmpfiles.conf).
// Another mode or group may keep that out, and then it is the owner.
SocketAccess with_owner(const Vm &vm, SocketAccess access) {
    if (!access.user && !access.is_default() && !vm.paths.is_of_user())
        access.user = AccountName{"qemunitd"};
    return access;
}

}  // namespace

std::string monitor_socket_settings(const Vm &vm) {
    if (vm.monitor.is_default() || vm.paths.is_of_user())
        return access_settings(vm.monitor);
    // control.sock stays qemunitd's alone.
    return access_settings(vm.monitor) +
           access_commands(
               vm.paths.socket_path(vm.name, "control"),
               SocketAccess{FileMode{0600}, AccountName{"qemunitd"}, AccountName{"root"}});
}

std::string serial_socket_settings(const Vm &vm) {
    const SocketAccess &first = vm.serials.front().socket;
    std::string text = access_settings(with_owner(vm, first));
    // Of the unit's sockets, only serial.sock shall have what the first port asks for.
    const auto add_socket = [&](std::string_view name, SocketAccess access) {
        const std::string path = vm.paths.socket_path(vm.name, name);
        if (first.mode && !access.mode)
            access.mode = FileMode{0660};
        if (first.user && !access.user)
            access.user = AccountName{"qemunitd"};
        if (first.group && !access.group)
            access.group = AccountName{"qemunitd"};
        text +=
            fmt::format("ListenStream={}\n", path) + access_commands(path, with_owner(vm, access));
    };
    for (const Serial &serial : vm.serials)
        if (serial.name != "serial")
            add_socket(serial.name, serial.socket);
    for (const Channel &channel : vm.channels)
        add_socket(channel.name, channel.socket);
    if (vm.guest_agent)
        add_socket(kGuestAgentSocket, {});
    return text;
}

}  // namespace qemunit
