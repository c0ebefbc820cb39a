// SPDX-License-Identifier: MIT
#include "generator/units/supporting_units.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "common/concat.h"
#include "common/host_device/places.h"
#include "common/paths.h"
#include "common/usernet/options.h"
#include "common/vm_name.h"
#include "generator/units/mounts.h"
#include "generator/units/unit_text.h"
#include "generator/units/user_settings.h"
#include "generator/vm/cloud_init.h"
#include "generator/vm/defaults.h"

namespace qemunit::generator {

namespace {

class Builder {
  public:
    explicit Builder(const Vm &vm) : vm_(vm) {}

    SupportingUnits build() {
        add_images();
        add_credentials();
        if (vm_.snapshot_keep)  // no Wants= of the VM: the timer starts it
            add_drop_in(
                fmt::format("qemu-snapshot@{}.service", vm_.name),
                {{"Service", fmt::format("Environment=KEEP={}\n", vm_.snapshot_keep->number)}});
        if (vm_.backup_keep && vm_.paths.scope == Scope::system)
            add_drop_in(
                fmt::format("qemu-backup@{}.service", vm_.name),
                {{"Service", fmt::format("Environment=KEEP={}\n", vm_.backup_keep->number)}});
        if (vm_.tpm)
            add_tpm();
        for (const Network &network : vm_.networks) {
            if (network.type == NetworkType::user)
                add_usernet(network);
            else if (network.type == NetworkType::passt)
                add_passt(network);
            else if (is_tap(network))
                add_tap(network);
        }
        for (const HostDevice &device : vm_.host_devices)
            add_host_device(device);
        for (const Share &share : vm_.shares)
            if (share.type == ShareType::virtiofs)
                add_virtiofs(share);
        return std::move(units_);
    }

  private:
    void want(std::string unit) { units_.wanted.push_back(std::move(unit)); }

    // Errors of a supporting unit are in the journal of the VM, too (units/qemunit-part-ended).
    std::string journal_of_vm() const {
        return fmt::format(
            "Environment=QEMUNIT_VM={}\nLogExtraFields={}={}\n", vm_.name,
            vm_.paths.is_of_user() ? "OBJECT_SYSTEMD_USER_UNIT" : "OBJECT_SYSTEMD_UNIT",
            service_unit(vm_.name));
    }

    // A restart of the VM, perhaps with another ini file, restarts its supporting units.
    std::string part_of_vm() const { return fmt::format("PartOf={}\n", service_unit(vm_.name)); }

    void add_drop_in(const std::string &unit, std::initializer_list<UnitSection> sections) {
        for (const UnitSection &section : sections)
            if (!section.lines.empty()) {
                units_.files.push_back(drop_in(vm_, unit, sections));
                return;
            }
    }

    std::string user_of_vm() const {
        return vm_.paths.is_of_user() ? "" : user_settings(vm_, UserOfTemplate::no);
    }

    // The unit runs only if an image is missing: a start with all images in place costs nothing.
    void add_images() {
        std::string conditions, commands;
        for (const Drive &drive : vm_.drives) {
            if (!drive.is_made_by_us())
                continue;
            const std::string path = absolute_path(vm_, *drive.file);
            const std::string folder = std::filesystem::path(path).parent_path();
            conditions += fmt::format("ConditionPathExists=|!{}\n", escape_specifiers(path));
            if (!vm_.paths.is_of_user())
                commands += fmt::format("ReadWritePaths={}\n", quote_path("-" + folder));
            commands += fmt::format("ExecStart={} --vm={}", kImageToolPath, vm_.name);
            if (!vm_.paths.is_of_user())  // files that a user's manager makes belong to the user
                commands += vm_.user ? concat(" --owner=", vm_.user->text) : " --dynamic-user";
            commands += fmt::format(" --format={}", format_of(drive));
            if (drive.size)
                commands += fmt::format(" --size={}", drive.size->bytes);
            if (drive.backing_file)
                commands += fmt::format(
                    " --backing-format={}{} {}", backing_format_of(drive),
                    drive.backing_format ? "" : " --backing-format-is-guessed",
                    quote_word("--backing-file=" + absolute_path(vm_, *drive.backing_file)));
            commands += fmt::format(" {}\n", quote_word(path));
        }
        if (commands.empty())
            return;
        const std::string unit = fmt::format("qemu-image@{}.service", vm_.name);
        const std::string mounts = required_mounts(vm_, image_paths(vm_));
        add_drop_in(unit, {{"Unit", mounts + conditions}, {"Service", commands}});
        want(unit);
    }

    void add_credentials() {
        std::string commands;
        std::vector<std::string> paths;
        for (const Credential &credential : vm_.credentials)
            if (credential.file && !vm_.paths.is_of_user()) {  // a user's are systemd's to load
                paths.push_back(absolute_path(vm_, *credential.file));
                commands += fmt::format("ExecStart={}{} {} {}\n", kCredentialToolPath,
                                        vm_.user ? " --owner=" + vm_.user->text : "",
                                        credential.name, quote_word(paths.back()));
            }
        if (vm_.cloud_init.is_given()) {
            std::ranges::move(cloud_init_paths(vm_), std::back_inserter(paths));
            std::string_view before = "ExecStart=";
            for (const std::string &word : seed_command(vm_)) {
                append(commands, before, quote_word(word));
                before = " \\\n    ";
            }
            commands += '\n';
        }
        if (commands.empty())
            return;
        const std::string unit = fmt::format("qemu-credential@{}.service", vm_.name);
        add_drop_in(unit, {{"Unit", required_mounts(vm_, paths, HasStateDirectory::no)},
                           {"Service", "ExecStart=\n" + commands}});
        want(unit);
    }

    void add_tpm() {
        const std::string unit = fmt::format("qemu-tpm@{}.service", vm_.name);
        if (!vm_.paths.is_of_user())
            add_drop_in(
                unit, {{"Service", user_settings(vm_, UserOfTemplate::yes) + state_settings(vm_)}});
        want(unit);
    }

    void add_usernet(const Network &network) {
        using namespace usernet_option;
        std::string command = fmt::format("ExecStart=\nExecStart={} {}={} {}={}", kUsernetPath, kVm,
                                          vm_.name, kNetwork, network.name);
        if (network.restricted)
            command += fmt::format(" {}", kRestrict);
        if (network.host_loopback)
            command += fmt::format(" {}", kHostLoopback);
        for (const HostForward &forward : network.host_forwards)
            command += fmt::format(" {}={}", kForward, forward.text);
        command += fmt::format(" {}\n", vm_.paths.usernet_dir(vm_.name, network.name));
        if (names_port_privilege(vm_) && !vm_.paths.is_of_user())
            command +=
                "# [Service] of the ini has it, for ports of the host below 1024.\n"
                "AmbientCapabilities=CAP_NET_BIND_SERVICE\n"
                "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\nPrivateUsers=no\n";
        const std::string unit = usernet_unit(vm_.name, network.name);
        add_drop_in(
            unit, {{"Unit", part_of_vm()}, {"Service", user_of_vm() + journal_of_vm() + command}});
        want(unit);
    }

    void add_passt(const Network &network) {
        std::string command = fmt::format(
            "ExecStart=\nExecStart={} --socket ${{PASST_FOLDER}}/sock --pid ${{PASST_FOLDER}}/pid "
            "--mac-addr 52:55:0a:00:02:02",
            kPasstPath);
        for (const HostForward &forward : network.host_forwards) {
            const std::string address =
                forward.host_address.empty() ? "" : forward.host_address + "/";
            command += fmt::format(" --{}-ports {}{}:{}", forward.protocol, address,
                                   forward.host_port, forward.guest_port);
        }
        const std::string unit = fmt::format("qemu-passt@{}:{}.service", vm_.name, network.name);
        add_drop_in(unit, {{"Unit", part_of_vm()},
                           {"Service", user_of_vm() + journal_of_vm() + command + "\n"}});
        want(unit);
    }

    // Each interface has a unit of its own, so that an interface of systemd-networkd stays as it
    // is.
    void add_tap(const Network &network) {
        const std::string unit = fmt::format("qemu-tap@{}.service", tap_name(vm_, network));
        std::string unit_lines = part_of_vm(), service_lines = journal_of_vm();
        if (network.bridge) {
            const std::string bridge = fmt::format("qemu-bridge@{}.service", network.bridge->text);
            unit_lines += fmt::format("After={}\n", bridge);
            units_.wants.push_back({unit, bridge});
            service_lines += fmt::format("Environment=BRIDGE={}\n", network.bridge->text);
        }
        add_drop_in(unit, {{"Unit", unit_lines}, {"Service", service_lines}});
        want(unit);
    }

    void add_host_device(const HostDevice &device) {
        using namespace hostdev_option;
        const std::string unit = hostdev_unit(vm_.name, device.name);
        std::string unit_lines = part_of_vm();
        std::string command = fmt::format("ExecStart=\nExecStart={} take {}:{}",
                                          kHostDeviceToolPath, vm_.name, device.name);
        if (device.pci) {
            unit_lines += "Wants=modprobe@vfio_pci.service\nAfter=modprobe@vfio_pci.service\n";
            command += fmt::format(" {}={}", kPci, device.pci->text);
            for (const HostDevice &other : vm_.host_devices)
                if (other.pci && other.name != device.name)
                    command += fmt::format(" {}={}", kWith, other.pci->text);
        } else {
            command += fmt::format(" {}={}", kUsb, device.usb->text);
        }
        if (device.force)
            command += fmt::format(" {}", kForce);
        if (device.optional)
            command += fmt::format(" {}", kOptional);
        if (device.usb) {
            // A VM that is just starting is waited for.
            add_drop_in(hostdev_attach_unit(vm_.name, device.name),
                        {{"Unit", fmt::format("After={}\n", service_unit(vm_.name))}});
        }
        add_drop_in(unit, {{"Unit", unit_lines}, {"Service", journal_of_vm() + command + "\n"}});
        want(unit);
    }

    void add_virtiofs(const Share &share) {
        const std::string name = fmt::format("qemu-virtiofs@{}:{}", vm_.name, share.name);
        std::string lines = journal_of_vm();
        lines += fmt::format("ExecStart=\nExecStart={}{}{} {}\n", kShareToolPath,
                             share.read_only ? " --read-only" : "",
                             share.special_files ? " --special-files" : "",
                             quote_word(share.path->text));
        if (share.special_files)
            lines +=
                "CapabilityBoundingSet=CAP_MKNOD CAP_SETFCAP\nRestrictSUIDSGID=no\n"
                "DevicePolicy=auto\n";
        // The guest writes to it until its end, also where systemd stops both at once.
        add_drop_in(name + ".service",
                    {{"Unit", required_mounts(vm_, {share.path->text}, HasStateDirectory::no) +
                                  fmt::format("Before={}\n", service_unit(vm_.name))},
                     {"Service", lines}});
        // The socket has no PartOf= the VM: systemd starts no socket whose service is about to end.
        want(name + ".socket");
    }

    const Vm &vm_;
    SupportingUnits units_;
};

}  // namespace

SupportingUnits supporting_units(const Vm &vm) {
    return Builder(vm).build();
}

}  // namespace qemunit::generator
