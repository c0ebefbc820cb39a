// SPDX-License-Identifier: MIT
#include "generator/units/render.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/cloud/seed_options.h"
#include "common/concat.h"
#include "common/helper_options.h"
#include "common/host_device/places.h"
#include "common/paths.h"
#include "common/usernet/options.h"
#include "common/vm_name.h"
#include "generator/qemu/arguments.h"
#include "generator/qemu/drive_files.h"
#include "generator/units/mounts.h"
#include "generator/units/sandbox.h"
#include "generator/units/socket_settings.h"
#include "generator/units/supporting_units.h"
#include "generator/units/unit_text.h"
#include "generator/units/user_settings.h"
#include "generator/vm/cloud_init.h"
#include "generator/vm/defaults.h"
#include "generator/vm/enumerations.h"
#include "generator/vm/stop_timeout.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

namespace {

constexpr uint64_t kLongest = 1'000'000'000;  // seconds; as good as infinity
// The time for a guest to boot; that of the template is for QEMU alone.
constexpr std::string_view kGuestStartTimeout = "5min";

std::string for_helper(uint64_t seconds) {
    return fmt::to_string(std::min(seconds, kLongest));
}

constexpr std::string_view kNextLine = " \\\n    ";

// "--drive-file=1:root:rw:qcow2:/srv/a.qcow2"
std::string drive_file_option(const DriveFile &file) {
    using namespace helper_option;
    const std::string begin = concat(fmt::to_string(file.set), ":", file.drive->name, ":");
    const std::string end =
        concat(file.format, file.format_is_guessed ? ",guessed" : "", ":", file.path);
    if (file.layer > 0)
        return with_value(file.layer == 1 ? kBackingFile : kBackingLayer, concat(begin, end));
    return with_value(kDriveFile, concat(begin, file.write ? "rw:" : "r:", end));
}

// What the helper is told of the drives' files, and what qemunit-open, which opens those that are
// not the VM's own, is told of these.
void append_drive_files(std::string &text, const Vm &vm, bool only_roots) {
    using namespace helper_option;
    const auto add = [&](const std::string &option) {
        text += kNextLine;
        append_quoted_word(text, option);
    };
    for (const DriveFile &file : drive_files(vm))
        if (file.is_opened_by_root || !only_roots)
            add(drive_file_option(file));
    for (const Drive &drive : vm.drives)
        if (drive.is_made_by_us() && !only_roots)
            add(with_value(kMade, absolute_path(vm, *drive.file)));
    for (const Drive &drive : vm.drives)
        if (drive.file && drive.size && !only_roots)
            add(with_value(kSized, concat(fmt::to_string(drive.size->bytes), ":", format_of(drive),
                                          ":", absolute_path(vm, *drive.file))));
}

// Whether a line of [Service] puts something there, or on the way there.
bool mounts(const UnitLine &line, std::string_view path) {
    constexpr std::string_view kWhole[] = {"RootDirectory", "RootImage", "ExtensionImages",
                                           "ExtensionDirectories"};
    constexpr std::string_view kParts[] = {"BindPaths", "BindReadOnlyPaths", "MountImages"};
    if (std::ranges::find(kWhole, line.key) != std::end(kWhole))
        return true;
    if (std::ranges::find(kParts, line.key) == std::end(kParts))
        return false;
    for (std::string_view rest = line.value; !rest.empty();) {
        const std::size_t end = std::min(rest.find_first_of(" \t:\""), rest.size());
        std::string_view place = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        place.remove_prefix(std::min(place.find('/'), place.size()));  // "-+"
        if (!place.empty() && (place == path || is_below(path, place)))
            return true;
    }
    return false;
}

// PID 1 mounts what a path leads to at the moment, for a person with User= perhaps by a link. (A
// user's manager has no more rights than the user.)
std::vector<std::string> checked_mounts(const Vm &vm) {
    std::vector<std::string> paths;
    if (vm.paths.is_of_user())
        return paths;
    for (OpenedPath &mounted : mounted_paths(vm))
        if (std::ranges::none_of(vm.service_lines,
                                 [&](const UnitLine &line) { return mounts(line, mounted.path); }))
            paths.push_back(std::move(mounted.path));
    return paths;
}

void append_checked_mounts(std::string &text, const Vm &vm) {
    for (const std::string &path : checked_mounts(vm)) {
        text += kNextLine;
        append_quoted_word(text, helper_option::with_value(helper_option::kMounted, path));
    }
}

bool is_usb(const HostDevice &device) {
    return device.usb.has_value();
}

// "+": as root, who may open what QEMU's user may not. QEMU gets just these files.
void append_open_command(std::string &text, const Vm &vm) {
    using namespace helper_option;
    const auto files = drive_files(vm);
    auto count = std::ranges::count(files, true, &DriveFile::is_opened_by_root) +
                 std::ssize(checked_mounts(vm));
    for (const Network &network : vm.networks)
        count += is_tap(network);
    count += std::ranges::count_if(vm.host_devices, is_usb);
    if (count == 0)
        return;
    append(text, "FileDescriptorStoreMax=", fmt::to_string(count), "\nExecStartPre=+",
           kOpenToolPath, " ", kVm, "=", vm.name);
    if (const std::string user = named_user(vm); !user.empty()) {
        text += ' ';
        append_quoted_word(text, with_value(kOwner, user));
    }
    append_drive_files(text, vm, /*only_roots=*/true);
    append_checked_mounts(text, vm);
    for (const Network &network : vm.networks)
        if (is_tap(network)) {
            text += kNextLine;
            append_quoted_word(text,
                               with_value(kTap, concat(network.name, ":", tap_name(vm, network))));
        }
    for (const HostDevice &device : vm.host_devices)
        if (is_usb(device))
            append(text, kNextLine, device.optional ? kOptionalDevice : kUsbDevice, "=",
                   device.name);
    text += '\n';
}

// The sockets that QEMU connects to, and the PCI devices of the host, each with its unit.
std::vector<std::pair<std::string, std::string>> served_sockets(const Vm &vm) {
    std::vector<std::pair<std::string, std::string>> sockets;
    if (vm.tpm)
        sockets.emplace_back(concat("qemu-tpm@", vm.name, ".service"),
                             vm.paths.tpm_socket(vm.name));
    for (const Network &network : vm.networks) {
        if (network.type == NetworkType::user)
            sockets.emplace_back(usernet_unit(vm.name, network.name),
                                 vm.paths.usernet_socket(vm.name, network.name));
        if (network.type == NetworkType::passt)
            sockets.emplace_back(concat("qemu-passt@", vm.name, ":", network.name, ".service"),
                                 vm.paths.passt_socket(vm.name, network.name));
    }
    for (const HostDevice &device : vm.host_devices)
        if (device.pci)
            sockets.emplace_back(hostdev_unit(vm.name, device.name),
                                 vfio_device_place(device.pci->text));
    for (const Share &share : vm.shares)
        if (share.type == ShareType::virtiofs)
            sockets.emplace_back(concat("qemu-virtiofs@", vm.name, ":", share.name, ".socket"),
                                 vm.paths.virtiofs_socket(vm.name, share.name));
    return sockets;
}

// Why the machine's state would be of no use at the next start.
std::string why_not_saved(const Vm &vm) {
    if (!vm.load_snapshot.empty())
        return "LoadSnapshot= in [VM]";
    if (!vm.host_devices.empty())
        return concat("[HostDevice ", vm.host_devices.front().name, "]");
    const auto ephemeral = std::ranges::find_if(vm.drives, &Drive::ephemeral);
    return ephemeral == vm.drives.end() ? ""
                                        : concat("Ephemeral=yes in [Drive ", ephemeral->name, "]");
}

// One option with its values a line: what `systemctl cat` shows is meant to be read.
void append_exec_start(std::string &text, const Vm &vm, Architecture host) {
    using namespace helper_option;
    const auto add_on_line_of_its_own = [&](std::string_view option, std::string_view value) {
        text += kNextLine;
        append_quoted_word(text, with_value(option, value));
    };
    const auto add = [&](std::string_view option, const auto &...value) {
        append(text, " ", option, "=", value...);
    };
    append(text, "ExecStart=\nExecStart=", kHelperPath);
    if (vm.paths.is_of_user())
        append(text, " ", kUser);
    add(kVm, vm.name);
    for (const Serial &serial : vm.serials)
        add(kSerial, serial.name, serial.direct ? concat(",", kDirect) : "",
            serial.log ? "" : concat(",", kNoLog));
    for (const Channel &channel : vm.channels)
        add(kChannel, channel.name);
    if (vm.guest_agent)
        append(text, " ", kAgent);
    for (const Network &network : vm.networks)
        if (!network.link)
            add(kUnplugged, network.name);
    for (const HostDevice &device : vm.host_devices)
        if (device.optional)
            add(kOptionalDevice, device.name);
    if (vm.ready.thing == ReadyWhen::Thing::agent)
        add(kReady, kAgentAnswers);
    if (vm.ready.thing == ReadyWhen::Thing::notify && vm.vsock_cid)
        add(kReady, kNotice, fmt::to_string(vm.vsock_cid->number));
    if (falls_back_to_tcg(vm, host))
        append(text, " ", kCheckKvm);
    if (vm.stop != StopAction::poweroff)
        add(kStop, name_of(vm.stop));
    if (const auto seconds = stop_timeout_seconds(vm))
        add(kStopTimeout, for_helper(*seconds));
    if (vm.idle_timeout && vm.idle_timeout->seconds > 0 && vm.idle_timeout->seconds < kLongest)
        add(kIdleTimeout, for_helper(vm.idle_timeout->seconds));
    if (const std::string why = why_not_saved(vm); !why.empty())
        add_on_line_of_its_own(kNotSaved, why);
    if (vm.ready.thing == ReadyWhen::Thing::serial_line)
        add_on_line_of_its_own(kReady, concat(kSerialLine, vm.ready.expression));
    if (vm.uefi)
        add_on_line_of_its_own(kUefiVariables, vm.uefi->variables);
    for (const OpenedPath &opened : opened_paths(vm))
        if (!opened.path.starts_with("/usr/"))
            add_on_line_of_its_own(opened.write ? kWrites : kReads, opened.path);
    append_drive_files(text, vm, /*only_roots=*/false);
    append_checked_mounts(text, vm);
    for (const auto &[part, socket] : served_sockets(vm))
        add_on_line_of_its_own(kNeeds, concat(part, ",", socket));
    bool after_option = false;
    for (const std::string &word : qemu_arguments(vm, host)) {
        const bool is_option = word.starts_with('-');
        text += after_option && !is_option ? " " : kNextLine;
        append_quoted_word(text, word);
        after_option = is_option;
    }
    text += '\n';
}

void append_lines(std::string &text, const std::vector<UnitLine> &lines) {
    for (const UnitLine &line : lines)
        append(text, line.key, "=", line.value, "\n");
}

// Without File= and Text=, a line of [Service] says where it comes from.
void append_credential(std::string &text, const Vm &vm, const Credential &credential) {
    if (credential.file)
        append(text, "LoadCredential=", credential.name, ":",
               vm.paths.is_of_user() ? escape_specifiers(absolute_path(vm, *credential.file))
                                     : vm.paths.taken_credential_path(vm.name, credential.name),
               "\n");
    else if (!credential.text.empty())
        append(text, "SetCredential=", credential.name, ":", escape_credential(credential.text),
               "\n");
}

void append_cloud_init(std::string &text, const Vm &vm, Architecture host) {
    if (!vm.cloud_init.is_given())
        return;
    std::vector<std::string> names = cloud_init_credentials(vm, host);
    names.insert(names.begin(), std::string(kSeedVolume));
    for (const std::string &name : names)
        append(text, "LoadCredential=", name, ":", vm.paths.taken_credential_path(vm.name, name),
               "\n");
}

std::string unit_settings(const Vm &vm, const SupportingUnits &supporting) {
    std::string text = concat("SourcePath=", escape_specifiers(vm.source_path), "\n");
    if (!vm.description.empty())
        append(text, "Description=", escape_specifiers(vm.description), "\n");
    for (const std::string &unit : supporting.wanted)
        append(text, "After=", unit, "\n");
    text += required_mounts(vm, named_paths(vm));
    append_lines(text, vm.unit_lines);
    return text;
}

// QEMU unlinks the sockets that it was handed when it exits (util/qemu-sockets.c,
// socket_listen_cleanup), although systemd owns them. Where no sandbox hides the sockets from QEMU,
// QEMU's user owns their folder, so that only the folder's mode can keep QEMU from that.
std::string socket_guard(const Vm &vm) {
    const std::string folder = quote_word(vm.paths.socket_dir(vm.name));
    return fmt::format(
        "# QEMU must not unlink its sockets.\n"
        "ExecStartPre=-/bin/chmod 0555 {0}\nExecStopPost=-/bin/chmod 0755 {0}\n",
        folder);
}

std::string service_settings(const Vm &vm, Architecture host, Namespaces namespaces) {
    constexpr std::size_t kUsualLength = 2000;
    const bool has_mounts = namespaces == Namespaces::available;
    std::string text;
    text.reserve(kUsualLength);
    if (!vm.paths.is_of_user())
        text += user_settings(vm, UserOfTemplate::yes) + state_settings(vm);
    if (!vm.start_timeout && !vm.ready.is_default())
        append(text, "TimeoutStartSec=", kGuestStartTimeout, "\n");
    for (const auto &[key, value] :
         {std::pair("TimeoutStartSec=", &vm.start_timeout),
          std::pair("TimeoutStopSec=", &vm.stop_timeout), std::pair("RuntimeMaxSec=", &vm.timeout)})
        if (*value)
            append(text, key, (*value)->text, "\n");
    if (vm.on_panic == PanicAction::restart)
        text += "Restart=on-failure\n";
    for (const Credential &credential : vm.credentials)
        append_credential(text, vm, credential);
    append_cloud_init(text, vm, host);
    append_open_command(text, vm);
    append_exec_start(text, vm, host);
    if (!has_mounts)
        text += socket_guard(vm);
    text += sandbox_settings(vm, namespaces);
    append_lines(text, vm.service_lines);
    return text;
}

// Not by Wants=: a unit that is masked keeps its links.
OutputLink want(const Vm &vm, std::string_view by, std::string_view unit) {
    const std::string_view kind = unit.substr(0, unit.find('@') + 1);
    return {concat(by, ".wants/", unit),
            concat(vm.paths.unit_dir(), "/", kind, unit.substr(unit.rfind('.')))};
}

}  // namespace

// What check_run() lets through: a part of what append_exec_start() writes.
std::vector<std::string> run_command(const Vm &vm, Architecture host) {
    using namespace helper_option;
    std::vector<std::string> words{std::string(kHelperPath), std::string(kCaller)};
    if (vm.paths.is_of_user())
        words.emplace_back(kUser);
    words.push_back(with_value(kVm, vm.name));
    for (const Serial &serial : vm.serials)
        words.push_back(with_value(kSerial, serial.name));
    for (const Channel &channel : vm.channels)
        words.push_back(with_value(kChannel, channel.name));
    if (falls_back_to_tcg(vm, host))
        words.emplace_back(kCheckKvm);
    words.push_back(with_value(kStop, kQuit));
    std::ranges::move(qemu_arguments(vm, host), std::back_inserter(words));
    return words;
}

Output render(const Vm &vm, Architecture host, Namespaces namespaces) {
    Output output;
    SupportingUnits supporting = supporting_units(vm);
    const std::string unit = service_unit(vm.name);
    output.files.push_back(drop_in(vm, unit,
                                   {{"Unit", unit_settings(vm, supporting)},
                                    {"Service", service_settings(vm, host, namespaces)}}));
    if (vm.paths.is_of_user() && namespaces == Namespaces::available)
        output.links.push_back(
            {concat(unit, ".d/40-qemunit-sandbox.conf"), std::string(kUserSandboxPath)});
    // Without the unit that makes images, which may have to reach any folder of the user.
    if (vm.paths.is_of_user() && namespaces == Namespaces::available)
        for (const std::string &wanted : supporting.wanted)
            for (const auto &[kind, settings] :
                 {std::pair("qemu-tpm@", kUserTpmSandboxPath),
                  std::pair("qemu-passt@", kUserPasstSandboxPath),
                  std::pair("qemu-usernet@", kUserUsernetSandboxPath)})
                if (wanted.starts_with(kind))
                    output.links.push_back(
                        {concat(wanted, ".d/40-qemunit-sandbox.conf"), std::string(settings)});
    for (const std::string &wanted : supporting.wanted)
        output.links.push_back(want(vm, unit, wanted));
    for (const auto &[by, wanted] : supporting.wants)
        output.links.push_back(want(vm, by, wanted));
    if (vm.is_registered) {
        output.links.push_back(want(vm, unit, concat("qemu-instance@", vm.name, ".socket")));
        // This one starts after the VM.
        output.links.push_back(want(vm, unit, concat("qemu-machine@", vm.name, ".service")));
    }
    for (const auto &[kind, lines] : {std::pair("monitor", monitor_socket_settings(vm)),
                                      std::pair("serial", serial_socket_settings(vm))}) {
        const std::string socket = concat("qemu-", kind, "@", vm.name, ".socket");
        if (!lines.empty())
            output.files.push_back(drop_in(vm, socket, {{"Socket", lines}}));
        if (vm.activation == Activation::socket)
            output.links.push_back({"sockets.target.wants/" + socket,
                                    concat(vm.paths.unit_dir(), "/qemu-", kind, "@.socket")});
    }
    std::ranges::move(supporting.files, std::back_inserter(output.files));

    const std::string target = concat(vm.paths.unit_dir(), "/qemu@.service");
    for (const std::string &wanting : vm.wanted_by)
        output.links.push_back({concat(wanting, ".wants/", unit), target});
    for (const std::string &requiring : vm.required_by)
        output.links.push_back({concat(requiring, ".requires/", unit), target});
    return output;
}

}  // namespace qemunit::generator
