// SPDX-License-Identifier: MIT
#include "ctl/new/new_vm.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <cstdlib>

#include "common/ascii.h"
#include "common/files/disk_image.h"

namespace qemunit::ctl {

namespace {

std::string drive_text(const NewVm &vm) {
    std::string text = fmt::format("\n[Drive root]\nFile={}\n", disk_file(vm));
    if (vm.disk == NewVm::Disk::copy && vm.image.format != "qcow2")
        text += fmt::format("Format={}\n", vm.image.format);
    if (vm.disk == NewVm::Disk::layer) {
        text += fmt::format("BackingFile={}\nBackingFormat={}\n", vm.image.path, vm.image.format);
        for (const std::string &layer : vm.image.layers)
            text += fmt::format("BackingLayer={}\n", layer);
    }
    if (vm.disk != NewVm::Disk::copy && vm.size != 0)
        text += fmt::format("Size={}\n", disk_size_text(vm.size));
    if (vm.disk == NewVm::Disk::install)
        text += fmt::format(
            "\n# The firmware passes over a disk with nothing on it: the CD is the first once.\n"
            "[Drive cd]\nFile={}\nFormat=raw\nMedia=cdrom\n\n[Boot]\nOrder=root cd\n",
            vm.image.path);
    return text;
}

}  // namespace

std::string disk_file(const NewVm &vm) {
    if (vm.disk != NewVm::Disk::copy)
        return "root.qcow2";
    return "root." + (vm.image.format == "raw" ? "img" : vm.image.format);
}

std::string random_uuid() {
    unsigned char bytes[16];
    // The kernel's pool is full long before anybody makes VMs, and 16 bytes come whole.
    if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
        std::abort();
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
    std::string text;
    for (std::size_t i = 0; i < sizeof bytes; ++i)
        text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
    return text;
}

std::string host_name(const std::string &vm) {
    std::string name = vm;
    std::ranges::replace_if(
        name, [](char c) { return !is_alphanumeric_or(c, "-"); }, '-');
    name.resize(std::min(name.size(), std::size_t{63}));
    while (name.ends_with('-'))
        name.pop_back();
    return name;
}

std::string ini_text(const NewVm &vm) {
    std::string text =
        fmt::format("# Made by qemunitctl new from {}. See qemunit.ini(5).\n[VM]\n", vm.made_from);
    if (!vm.architecture.empty())
        text += fmt::format("Architecture={}\n", vm.architecture);
    if (!vm.uuid.empty())
        text += fmt::format("UUID={}\n", vm.uuid);
    text += fmt::format("Memory={}\nCPUs={}\n", vm.memory, vm.cpus);
    if (!vm.firmware.empty())
        text += fmt::format("Firmware={}\n", vm.firmware);
    text += "Hardware=0.8\n";
    if (vm.disk == NewVm::Disk::install)
        text += "Display=vnc\n";
    // The address that a bridge's DHCP gave is the guest's to tell.
    if (!vm.bridge.empty())
        text += "GuestAgent=yes\n";
    text += drive_text(vm);
    text += "\n[Network lan]\n";
    if (vm.bridge.empty())
        text += fmt::format("HostForward=tcp:127.0.0.1:{}-:22\n", vm.ssh_port);
    else
        text += fmt::format("Type=bridge\nBridge={}\n", vm.bridge);
    if (vm.disk == NewVm::Disk::install)
        return text;
    text += fmt::format("\n[CloudInit]\nHostname={}\nUser={}\n", host_name(vm.name), vm.login);
    for (const std::string &key : vm.keys)
        text += fmt::format("SSHKey={}\n", key);
    return text;
}

}  // namespace qemunit::ctl
