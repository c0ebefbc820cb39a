// SPDX-License-Identifier: MIT
#include "generator/render.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/paths.h"
#include "common/vm_name.h"
#include "generator/qemu_arguments.h"
#include "generator/sandbox.h"
#include "generator/supporting_units.h"
#include "generator/unit_text.h"

namespace qemunit {

namespace {

constexpr uint64_t kLongest = 1'000'000'000;  // seconds; as good as infinity
// For a guest to boot; the template's is for QEMU alone.
constexpr std::string_view kGuestStartTimeout = "5min";

uint64_t seconds_for_helper(const TimeSpan &span) {
    return std::min(span.seconds, kLongest);
}

// One option with its values a line: what `systemctl cat` shows is meant to be read.
std::string exec_start(const Vm &vm, Architecture host) {
    std::string text = fmt::format("ExecStart=\nExecStart={}{} --vm={}", kHelperPath,
                                   vm.paths.is_of_user() ? " --user" : "", vm.name);
    for (const Serial &serial : vm.serials)
        text += fmt::format(" --serial={}{}{}", serial.name, serial.direct ? ",direct" : "",
                            serial.log ? "" : ",nolog");
    for (const Channel &channel : vm.channels)
        text += fmt::format(" --channel={}", channel.name);
    if (vm.guest_agent)
        text += " --agent";
    for (const Network &network : vm.networks)
        if (!network.link)
            text += fmt::format(" --unplugged={}", network.name);
    if (vm.ready.thing == ReadyWhen::Thing::agent)
        text += " --ready=agent";
    if (vm.ready.thing == ReadyWhen::Thing::notice && vm.vsock_cid)
        text += fmt::format(" --ready=notify:{}", vm.vsock_cid->number);
    if (falls_back_to_tcg(vm, host))
        text += " --check-kvm";
    if (vm.stop == StopAction::hibernate)
        text += " --stop=hibernate";
    if (vm.stop_timeout && vm.stop_timeout->seconds > 0 && vm.stop != StopAction::quit)
        text += fmt::format(" --stop-timeout={}", seconds_for_helper(*vm.stop_timeout));
    if (vm.idle_timeout && vm.idle_timeout->seconds > 0 && vm.idle_timeout->seconds < kLongest)
        text +=
            fmt::format("{} --idle-timeout={}", vm.stop == StopAction::quit ? " --stop=quit" : "",
                        seconds_for_helper(*vm.idle_timeout));
    if (vm.ready.thing == ReadyWhen::Thing::serial_line)
        text += " \\\n    " + quote_word("--ready=serial:" + vm.ready.expression);
    if (vm.uefi)
        text += " \\\n    " + quote_word("--uefi-variables=" + vm.uefi->variables);
    for (const OpenedPath &opened : opened_paths(vm))
        if (!opened.path.starts_with("/usr/"))
            text +=
                " \\\n    " + quote_word((opened.write ? "--writes=" : "--reads=") + opened.path);
    for (const Drive &drive : vm.drives)
        if (drive.is_made_by_us())
            text += " \\\n    " + quote_word("--made=" + absolute_path(vm, *drive.file));
    bool after_option = false;
    for (const std::string &word : qemu_arguments(vm, host)) {
        const bool is_option = word.starts_with('-');
        text += after_option && !is_option ? " " : " \\\n    ";
        text += quote_word(word);
        after_option = is_option;
    }
    return text + "\n";
}

std::string pass_through(const std::vector<UnitLine> &lines) {
    std::string text;
    for (const UnitLine &line : lines)
        text += fmt::format("{}={}\n", line.key, line.value);
    return text;
}

// Without File= and Text=, a line of [Service] says where it comes from.
std::string credential_setting(const Vm &vm, const Credential &credential) {
    if (credential.file)
        return fmt::format("LoadCredential={}:{}\n", credential.name,
                           escape_specifiers(absolute_path(vm, *credential.file)));
    if (!credential.text.empty())
        return fmt::format("SetCredential={}:{}\n", credential.name,
                           escape_credential(credential.text));
    return {};
}

std::string unit_settings(const Vm &vm, const SupportingUnits &supporting) {
    std::string text = fmt::format("SourcePath={}\n", escape_specifiers(vm.source_path));
    if (!vm.description.empty())
        text += fmt::format("Description={}\n", escape_specifiers(vm.description));
    for (const std::string &unit : supporting.wanted)
        text += fmt::format("Wants={0}\nAfter={0}\n", unit);
    if (vm.is_registered)  // after it, not before
        text += fmt::format("Wants=qemu-machine@{}.service\n", vm.name);
    return text + pass_through(vm.unit_lines);
}

// QEMU unlinks the sockets that it was handed when it exits (util/qemu-sockets.c,
// socket_listen_cleanup), and they are systemd's. Where nothing hides them from it, their folder
// belongs to its own user, so that the mode has to keep it from that.
std::string socket_guard(const Vm &vm) {
    const std::string folder = quote_word(vm.paths.socket_dir(vm.name));
    return fmt::format(
        "# QEMU must not unlink its sockets.\n"
        "ExecStartPre=-/bin/chmod 0555 {0}\nExecStopPost=-/bin/chmod 0755 {0}\n",
        folder);
}

std::string service_settings(const Vm &vm, Architecture host, Namespaces namespaces) {
    const bool has_mounts = namespaces == Namespaces::available;
    std::string text;
    if (vm.user)
        text += fmt::format("User={}\nGroup=\n", vm.user->text);
    if (!vm.start_timeout && !vm.ready.is_default())
        text += fmt::format("TimeoutStartSec={}\n", kGuestStartTimeout);
    for (const auto &[key, value] :
         {std::pair("TimeoutStartSec", &vm.start_timeout),
          std::pair("TimeoutStopSec", &vm.stop_timeout), std::pair("RuntimeMaxSec", &vm.timeout)})
        if (*value)
            text += fmt::format("{}={}\n", key, (*value)->text);
    if (vm.stop == StopAction::quit)
        text += "KillSignal=SIGTERM\n";
    if (vm.on_panic == PanicAction::restart)
        text += "Restart=on-failure\n";
    for (const Credential &credential : vm.credentials)
        text += credential_setting(vm, credential);
    text += fmt::format("StateDirectory=qemunit/{}\n", vm.name);
    if (has_mounts)
        text += execution_settings(vm, host);
    text += exec_start(vm, host);
    if (!has_mounts)
        text += socket_guard(vm);
    if (!vm.paths.is_of_user())  // other VMs' settings and sockets
        text += "InaccessiblePaths=-+/etc/qemunit -+/run/qemunit\n";
    return text + sandbox_settings(vm, namespaces) + pass_through(vm.service_lines);
}

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

std::string monitor_settings(const Vm &vm) {
    if (vm.monitor.is_default() || vm.paths.is_of_user())
        return access_settings(vm.monitor);
    // control.sock stays qemunitd's alone.
    return access_settings(vm.monitor) +
           access_commands(
               vm.paths.socket_path(vm.name, "control"),
               SocketAccess{FileMode{0600}, AccountName{"qemunitd"}, AccountName{"root"}});
}

std::string serial_settings(const Vm &vm) {
    const SocketAccess &first = vm.serials.front().socket;
    std::string text = access_settings(first);
    // Of the unit's sockets, only serial.sock shall have what the first port asks for.
    const auto add_socket = [&](std::string_view name, SocketAccess access) {
        const std::string path = vm.paths.socket_path(vm.name, name);
        if (first.mode && !access.mode)
            access.mode = FileMode{0660};
        if (first.user && !access.user)
            access.user = AccountName{"qemunitd"};
        if (first.group && !access.group)
            access.group = AccountName{"qemunitd"};
        text += fmt::format("ListenStream={}\n", path) + access_commands(path, access);
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

}  // namespace

Output render(const Vm &vm, Architecture host, Namespaces namespaces) {
    Output output;
    SupportingUnits supporting = supporting_units(vm);
    const std::string unit = service_unit(vm.name);
    output.files.push_back(drop_in(vm, unit,
                                   {{"Unit", unit_settings(vm, supporting)},
                                    {"Service", service_settings(vm, host, namespaces)}}));
    if (vm.paths.is_of_user() && namespaces == Namespaces::available)
        output.links.push_back(
            {fmt::format("{}.d/40-qemunit-sandbox.conf", unit), std::string(kUserSandboxPath)});
    for (const auto &[kind, lines] :
         {std::pair("monitor", monitor_settings(vm)), std::pair("serial", serial_settings(vm))}) {
        const std::string socket = fmt::format("qemu-{}@{}.socket", kind, vm.name);
        if (!lines.empty())
            output.files.push_back(drop_in(vm, socket, {{"Socket", lines}}));
        if (vm.activation == Activation::socket)
            output.links.push_back({"sockets.target.wants/" + socket,
                                    fmt::format("{}/qemu-{}@.socket", vm.paths.unit_dir(), kind)});
    }
    std::ranges::move(supporting.files, std::back_inserter(output.files));

    const std::string target = fmt::format("{}/qemu@.service", vm.paths.unit_dir());
    for (const std::string &wanting : vm.wanted_by)
        output.links.push_back({fmt::format("{}.wants/{}", wanting, unit), target});
    for (const std::string &requiring : vm.required_by)
        output.links.push_back({fmt::format("{}.requires/{}", requiring, unit), target});
    return output;
}

}  // namespace qemunit
