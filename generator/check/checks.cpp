// SPDX-License-Identifier: MIT
#include "generator/check/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "common/concat.h"
#include "common/guest_credentials.h"
#include "common/shared_names.h"
#include "generator/check/sections.h"
#include "generator/check/user_scope.h"
#include "generator/vm/defaults.h"
#include "generator/vm/enumerations.h"
#include "generator/vm/stop_timeout.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

namespace {

// What [VM] and [Boot] say, and how that goes with the devices.
class VmChecker {
  public:
    VmChecker(const Vm &vm, Architecture host, Findings &findings)
        : vm_(vm), host_(host), traits_(machine_traits(vm, host)), findings_(findings) {}

    void check() {
        if (continues_line(vm_.description))
            error("VM", "Description", "Description= must not end with a backslash.");
        check_kernel();
        check_machine();
        check_hibernation();
        check_ready();
        if (vm_.idle_timeout && vm_.idle_timeout->seconds == 0 && vm_.idle_timeout->text != "0")
            error("VM", "IdleTimeout",
                  fmt::format("IdleTimeout={}: too short; write 1s or more, or 0 for never.",
                              vm_.idle_timeout->text));
        check_boot_order();
        check_names();
    }

  private:
    void check_kernel() {
        if (vm_.boot.shim && (!vm_.boot.kernel || vm_.firmware == Firmware::bios))
            error("Boot", "Shim",
                  "Shim= needs Kernel= and Firmware=uefi-secure: the firmware checks that kernel "
                  "by it.");
        if (vm_.boot.kernel)
            return;
        if (!vm_.boot.append.empty())
            error("Boot", "Append", "Append= needs Kernel=: only QEMU's own loader hands it over.");
        if (vm_.boot.initrd)
            error("Boot", "Initrd", "Initrd= needs Kernel=: only QEMU's own loader hands it over.");
    }

    void check_machine() {
        if (vm_.keyboard && vm_.display == Display::none)
            error("VM", "Keyboard", "Keyboard= needs Display=vnc or Display=spice.");
        if (vm_.tpm && traits_.tpm.empty())
            error(
                "VM", "TPM",
                fmt::format("TPM=yes: the machine '{}' has no place for a TPM.", traits_.machine));
        if (vm_.watchdog != WatchdogAction::no && !traits_.has_pci)
            error("VM", "Watchdog",
                  fmt::format("Watchdog={}: the machine '{}' has no PCI bus for it.",
                              name_of(vm_.watchdog), traits_.machine));
        if (vm_.on_panic && !traits_.has_pci)
            error("VM", "OnPanic",
                  fmt::format("OnPanic={}: the machine '{}' has no PCI bus for the panic device.",
                              name_of(*vm_.on_panic), traits_.machine));
    }

    void check_hibernation() {
        if (vm_.stop != StopAction::hibernate)
            return;
        if (!vm_.load_snapshot.empty())
            error("VM", "LoadSnapshot",
                  "LoadSnapshot= and Stop=hibernate exclude each other: the VM can start from one "
                  "state only.");
        for (const Drive &drive : vm_.drives)
            if (drive.ephemeral)
                error("Drive " + drive.name, "Ephemeral",
                      "Ephemeral=yes and Stop=hibernate exclude each other: what the guest wrote "
                      "would be missing when it resumes.");
        for (const Share &share : vm_.shares)
            if (share.type == ShareType::virtiofs)
                findings_.warn("Share " + share.name, "Type",
                               "Type=virtiofs: not every virtiofsd can be saved (Debian 12's "
                               "cannot); where it "
                               "cannot, the guest is shut down instead of hibernating.");
    }

    void check_ready() {
        if (vm_.ready.thing == ReadyWhen::Thing::agent && !vm_.guest_agent)
            error("VM", "Ready", "Ready=agent needs GuestAgent=yes.");
        if (vm_.ready.thing == ReadyWhen::Thing::serial_line && vm_.serials.front().direct)
            error("VM", "Ready",
                  "Ready=serial: needs the relay of the first serial port; take Direct=yes out of "
                  "[Serial serial].");
        if (vm_.ready.thing != ReadyWhen::Thing::notify)
            return;
        if (!vm_.vsock_cid)
            error("VM", "Ready", "Ready=notify needs VSockCID=, by which the guest says it.");
        if (!vm_.load_snapshot.empty())
            error("VM", "Ready",
                  "Ready=notify and LoadSnapshot= exclude each other: a guest in a snapshot says "
                  "that it is up to a VM that has ended.");
        for (const Credential &credential : vm_.credentials)
            if (credential.name == kNotifySocketCredential)
                error("Credential " + credential.name, "",
                      "[Credential vmm.notify_socket] and Ready=notify exclude each other: the "
                      "guest has one place to say that it is up.");
    }

    void check_boot_order() {
        const auto &order = vm_.boot.order;
        std::map<unsigned, std::string> positions;
        const unsigned first = first_boot_index(vm_);
        if (first > 0)
            positions.emplace(0, "Kernel= in [Boot]");
        if (!order_is_letters(vm_))
            for (unsigned i = 0; i < order.size(); ++i)
                positions.emplace(first + i, "Order= in [Boot]");
        const auto check = [&](const std::string &section, const auto &device) {
            if (!device.boot_index)
                return;
            const unsigned number = device.boot_index->number;
            const auto [it, is_new] =
                positions.try_emplace(number, fmt::format("section [{}]", section));
            if (std::ranges::find(order, device.name) != order.end())
                error(section, "BootIndex",
                      fmt::format("BootIndex={}: Order= in [Boot] has a place for '{}' already.",
                                  number, device.name));
            else if (!is_new)
                error(section, "BootIndex",
                      fmt::format("BootIndex={} is taken by {}.", number, it->second));
        };
        for (const Drive &drive : vm_.drives)
            check("Drive " + drive.name, drive);
        for (const Network &network : vm_.networks)
            check("Network " + network.name, network);
        if (!order_is_letters(vm_))
            for (const std::string &name : order)
                check_ordered(name);
    }

    void check_ordered(const std::string &name) {
        const auto drive = std::ranges::find(vm_.drives, name, &Drive::name);
        const bool is_network =
            std::ranges::find(vm_.networks, name, &Network::name) != vm_.networks.end();
        if (drive == vm_.drives.end() && !is_network)
            error(
                "Boot", "Order",
                fmt::format("Order=: no drive and no network card is called '{}'.", shorten(name)));
        else if (drive != vm_.drives.end() &&
                 effective_interface(vm_, *drive, host_) == DriveInterface::floppy)
            error("Boot", "Order",
                  fmt::format("Order=: '{}' is a floppy, which has a letter only; write a.", name));
    }

    // One name is one QEMU id, also over kinds of devices.
    void check_names() {
        std::map<std::string_view, std::string_view> kinds;  // by name
        const auto check = [&](std::string_view kind, const auto &devices) {
            for (const auto &device : devices) {
                const auto [it, is_new] = kinds.try_emplace(device.name, kind);
                if (!is_new)
                    error(concat(kind, " ", device.name), "",
                          fmt::format("The name '{0}' is taken by section [{1} {0}]: QEMU's ids "
                                      "are unique.",
                                      device.name, it->second));
                if (device.name.starts_with(kOwnIds))
                    error(concat(kind, " ", device.name), "",
                          "Device names that begin with 'qemunit-' are our own.");
            }
        };
        check("Drive", vm_.drives);
        check("Network", vm_.networks);
        check("HostDevice", vm_.host_devices);
        check("Sound", vm_.sounds);
        check("Serial", vm_.serials);
        check("Share", vm_.shares);
        check("Channel", vm_.channels);
    }

    void error(std::string_view section, std::string_view key, std::string message) {
        findings_.error(section, key, std::move(message));
    }

    const Vm &vm_;
    const Architecture host_;
    const MachineTraits traits_;
    Findings &findings_;
};

}  // namespace

void check_vm(const Vm &vm, Architecture host, Diagnostics &diagnostics) {
    Findings findings(vm, diagnostics);
    check_drives(vm, host, findings);
    check_networks(vm, findings);
    check_host_devices(vm, host, findings);
    check_ports(vm, host, findings);
    check_shares(vm, findings);
    check_credentials(vm, findings);
    check_cloud_init(vm, findings);
    check_stop_timeout(vm, diagnostics);
    check_hardware(vm, host, findings);
    VmChecker(vm, host, findings).check();
    if (vm.paths.is_of_user())
        check_user_scope(vm, diagnostics);
}

}  // namespace qemunit::generator
