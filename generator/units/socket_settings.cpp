// SPDX-License-Identifier: MIT
#include "generator/units/socket_settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "common/paths.h"
#include "common/shared_names.h"
#include "generator/vm/defaults.h"

namespace qemunit::generator {

namespace {

constexpr FileMode kUsualMode{0660};  // of the template

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

// Sockets of one unit that the same people may connect to.
struct SharedAccess {
    std::string paths;  // with a space before each
    SocketAccess access;
};

// One socket unit has one mode and owner for all its sockets. So none of them lets anybody in when
// systemd creates it, and these commands open up each socket, the mode last. They run as root
// before anybody is told that the socket is there. A socket that is open for a moment would not do:
// a client that tries again and again would connect in that moment, and stay connected.
std::string access_commands(const std::vector<SharedAccess> &sockets) {
    std::string text = "SocketMode=0000\n";
    for (const auto &[paths, access] : sockets) {
        std::string owners = access.user ? access.user->text : "";
        if (access.group)
            owners += ":" + access.group->text;
        if (!owners.empty())
            text += fmt::format("ExecStartPost=/bin/chown {}{}\n", owners, paths);
        text += fmt::format("ExecStartPost=/bin/chmod {:04o}{}\n",
                            access.mode.value_or(kUsualMode).bits, paths);
    }
    return text;
}

// Without a word in the ini, qemunitd connects as the sockets' group (units/qemunit.tmpfiles.conf).
// Another mode or group may keep qemunitd out; then qemunitd is made the owner.
SocketAccess with_owner(const Vm &vm, SocketAccess access) {
    if (!access.user && !access.is_default() && !vm.paths.is_of_user())
        access.user = AccountName{"qemunitd"};
    return access;
}

}  // namespace

std::string monitor_socket_settings(const Vm &vm) {
    if (vm.monitor.is_default())
        return "";
    const auto path = [&](std::string_view name) {
        return " " + vm.paths.socket_path(vm.name, name);
    };
    // control.sock and companion.sock stay qemunitd's alone.
    SocketAccess monitor = vm.monitor;
    SocketAccess control;
    control.mode = FileMode{0600};
    if (vm.paths.is_of_user()) {
        monitor.mode = monitor.mode.value_or(FileMode{0600});  // units/user/qemu-monitor@.socket.in
    } else {
        control.user = AccountName{"qemunitd"};
        control.group = AccountName{"root"};
    }
    return access_commands({{path(kMonitorSocket) + path(kQmpSocket), monitor},
                            {path(kControlSocket) + path(kCompanionSocket), control}});
}

std::string serial_socket_settings(const Vm &vm) {
    const SocketAccess first = with_owner(vm, vm.serials.front().socket);
    std::string listens;
    std::vector<SharedAccess> sockets;
    bool is_usual = first.is_default();
    const auto add_socket = [&](std::string_view name, const SocketAccess &access) {
        const std::string path = " " + vm.paths.socket_path(vm.name, name);
        const auto same = std::ranges::find_if(sockets, [&](const SharedAccess &other) {
            return access_settings(other.access) == access_settings(access);
        });
        if (same != sockets.end())
            same->paths += path;
        else
            sockets.push_back({path, access});
        is_usual = is_usual && access.is_default();
    };
    const auto add_further = [&](std::string_view name, const SocketAccess &access) {
        listens += fmt::format("ListenStream={}\n", vm.paths.socket_path(vm.name, name));
        add_socket(name, with_owner(vm, access));
    };
    add_socket(kFirstSerialPort, first);
    for (const Serial &serial : vm.serials)
        if (serial.name != kFirstSerialPort)
            add_further(serial.name, serial.socket);
    for (const Channel &channel : vm.channels)
        add_further(channel.name, channel.socket);
    if (vm.guest_agent)
        add_further(kGuestAgentSocket, {});
    if (is_usual)
        return listens;
    return listens.empty() ? access_settings(first) : listens + access_commands(sockets);
}

}  // namespace qemunit::generator
