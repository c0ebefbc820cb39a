// SPDX-License-Identifier: MIT
#include "generator/check/run.h"

#include "common/concat.h"
#include "generator/check/findings.h"

namespace qemunit::generator {

void check_run(const Vm &vm, Diagnostics &diagnostics) {
    Findings findings(vm, diagnostics);
    constexpr const char *kNot = " has no place in a VM of `qemunitctl run`";
    const auto refuse = [&](const std::string &section, const std::string &key, bool is_given) {
        if (is_given)
            findings.error(section, key,
                           concat(key.empty() ? "[" + section + "]" : key + "=", kNot,
                                  ", which has nothing on the host but QEMU."));
    };
    for (const Drive &drive : vm.drives)
        refuse("Drive " + drive.name, "", true);
    for (const Network &network : vm.networks)
        refuse("Network " + network.name, "", true);
    for (const HostDevice &device : vm.host_devices)
        refuse("HostDevice " + device.name, "", true);
    for (const Share &share : vm.shares)
        refuse("Share " + share.name, "", true);
    for (const Credential &credential : vm.credentials)
        refuse("Credential " + credential.name, "", true);
    for (const Serial &serial : vm.serials)
        refuse("Serial " + serial.name, "Direct", serial.direct);
    refuse("CloudInit", "", vm.cloud_init.is_given());
    refuse("VM", "TPM", vm.tpm);
    refuse("VM", "Firmware", vm.uefi.has_value());
    refuse("VM", "GuestAgent", vm.guest_agent);
    refuse("VM", "VSockCID", vm.vsock_cid.has_value());
    refuse("VM", "Display", vm.display != Display::none);
    for (const Sound &sound : vm.sounds)
        refuse("Sound " + sound.name, "", true);
    refuse("VM", "StartPaused", vm.starts_paused);
    refuse("VM", "Debugger", vm.debugger);
    refuse("Memory", "Locked", vm.memory_settings.locked);
    refuse("Boot", "BIOS", vm.boot.bios.has_value());
    refuse("Boot", "DeviceTree", vm.boot.device_tree.has_value());
    refuse("Boot", "FirmwareFile", !vm.boot.firmware_files.empty());
    refuse("VM", "User", vm.user.has_value());
    refuse("VM", "Ready", !vm.ready.is_default());
    refuse("VM", "LoadSnapshot", !vm.load_snapshot.empty());
}

}  // namespace qemunit::generator
