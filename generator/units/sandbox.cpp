// SPDX-License-Identifier: MIT
#include "generator/units/sandbox.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "common/concat.h"
#include "common/host_device/places.h"
#include "common/paths.h"
#include "common/run/protocol.h"
#include "generator/qemu/drive_files.h"
#include "generator/units/unit_text.h"
#include "generator/vm/defaults.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

namespace {

class Sandbox {
  public:
    Sandbox(const Vm &vm, Namespaces namespaces)
        : vm_(vm), has_mounts_(namespaces == Namespaces::available) {}

    std::string build() {
        if (has_mounts_)
            add_mounts();
        // For qemunit-open: QEMU itself sees no device, and no interface.
        if (std::ranges::any_of(vm_.networks, is_tap))
            lines_ += "DeviceAllow=/dev/net/tun rw\n";
        if (vm_.ready.thing == ReadyWhen::Thing::notify)
            lines_ +=
                "# The guest says to the helper that it is up.\n"
                "RestrictAddressFamilies=AF_VSOCK\n";
        allow_host_devices();
        if (vm_.memory_settings.locked)
            lines_ += "LimitMEMLOCK=infinity\n";
        else if (std::ranges::any_of(vm_.host_devices, is_pci))
            lines_ += fmt::format("LimitMEMLOCK={}\n", locked_memory(vm_));
        if (std::ranges::find(vm_.drives, DriveAio::io_uring, &Drive::aio) != vm_.drives.end())
            lines_ +=
                "# AIO=io_uring; see qemunit.ini(5) for what that costs.\n"
                "SystemCallFilter=io_uring_setup io_uring_enter io_uring_register\n";
        return std::move(lines_);
    }

  private:
    void add_mounts() {
        for (const DriveFile &file : drive_files(vm_))
            if (file.is_opened_by_root && is_below(file.path, "/dev"))
                allow_device(file.path, file.write);  // this counts for qemunit-open, too
        for (const OpenedPath &mounted : mounted_paths(vm_))
            allow(mounted.path, mounted.write);
        if (vm_.vsock_cid)
            allow("/dev/vhost-vsock", true);
        if (clock_base(vm_) == "localtime" && !vm_.paths.is_of_user())
            lines_ += "BindReadOnlyPaths=-/etc/localtime\n";
        // Its libraries may be where only the linker's cache says.
        if (vm_.qemu && !vm_.paths.is_of_user())
            lines_ += "BindReadOnlyPaths=-/etc/ld.so.cache\n";
        // Empty homes, where the template has none at all: files can be put into those. (The
        // root folder of a user's VM has nothing in it that would have to be hidden.)
        if (in_home_ && !vm_.paths.is_of_user())
            lines_ += "ProtectHome=tmpfs\n";
        // In systemd 257's, only root may look below /root.
        if (in_root_ && !vm_.paths.is_of_user())
            lines_ += "TemporaryFileSystem=/root:ro,noexec,nosuid,nodev,mode=0755\n";
        add_sockets();
    }

    static bool is_pci(const HostDevice &device) { return device.pci.has_value(); }

    // All of the guest's memory stays where the device finds it, and so does what QEMU shows of
    // other devices: as libvirt has it (qemuDomainGetMemLockLimitBytes()), 1 GiB for these.
    static uint64_t locked_memory(const Vm &vm) {
        constexpr uint64_t kGiB = uint64_t{1} << 30;
        const uint64_t memory = vm.memory ? vm.memory->bytes : kGiB;
        return (vm.memory_settings.maximum ? vm.memory_settings.maximum->bytes : memory) + kGiB;
    }

    // A folder and nodes that qemunit-hostdev makes before the VM starts.
    void allow_host_devices() {
        if (vm_.host_devices.empty())
            return;
        const HostDevicePlaces places{.vm = vm_.name, .root = {}};
        if (std::ranges::any_of(vm_.host_devices, is_pci))
            append(lines_, "BindReadOnlyPaths=-", places.vfio(), ":", kVfioPlace,
                   "\nDeviceAllow=/dev/vfio/vfio rw\n");
        if (!std::ranges::all_of(vm_.host_devices, is_pci))
            lines_ +=
                "# libusb listens to the kernel for devices to come, and would not begin without.\n"
                "RestrictAddressFamilies=AF_NETLINK\n";
        // Of a USB device for qemunit-open, which is of the unit, too. One that is plugged in later
        // is opened elsewhere.
        for (const HostDevice &device : vm_.host_devices)
            append(lines_, "DeviceAllow=", places.node(device.name), " rw\n");
    }

    // What ProtectHome= covers (systemd.exec(5)).
    static constexpr std::string_view kHomes[] = {"/home", "/root", "/run/user"};

    // "-": QEMU shall complain about a missing file in its own words, not systemd about a mount.
    void allow(const std::string &path, bool write) {
        add_path(write ? "BindPaths=" : "BindReadOnlyPaths=", "-", path);
        hide_neighbours_of(path);
        in_root_ = in_root_ || is_below(path, "/root");
        in_home_ = in_home_ || std::ranges::any_of(kHomes, [&](std::string_view home) {
                       return path == home || is_below(path, home);
                   });
        for (const std::string_view others : {"/etc/qemunit", "/run/qemunit"})
            if (!vm_.paths.is_of_user() && (path == "/" || is_below(others, path)))
                append(lines_, "InaccessiblePaths=-+", others, "\n");
        if (is_below(path, "/dev"))
            allow_device(path, write);
    }

    void allow_device(const std::string &path, bool write) {
        if (!vm_.paths.is_of_user())  // only PID 1 can control devices
            append(lines_, "DeviceAllow=", quote_path(path), write ? " rw\n" : " r\n");
    }

    // The mount point of a path is made in the root folder, which all VMs share: in a file system
    // of its own, nobody else learns the names.
    void hide_neighbours_of(std::string_view path) {
        // The template has these, and ProtectHome= the homes.
        constexpr std::string_view kHad[] = {"/usr", "/dev", "/proc", "/sys", "/run",
                                             "/tmp", "/var", "/home", "/root"};
        const std::string_view top = path.substr(0, path.find('/', 1));
        if (vm_.paths.is_of_user() || top == path || top.find_first_of(" :\"'\\%\t") != top.npos ||
            std::ranges::find(kHad, top) != std::end(kHad) ||
            std::ranges::find(hidden_, top) != hidden_.end())
            return;
        hidden_.emplace_back(top);
        append(lines_, "TemporaryFileSystem=", top, ":noexec,nosuid,nodev,mode=0755\n");
    }

    void add_path(std::string_view setting, std::string_view prefix, std::string_view path) {
        lines_ += setting;
        append_quoted_path(lines_, prefix, path);
        lines_ += '\n';
    }

    void allow_socket(const std::string &folder) { add_path("BindReadOnlyPaths=", "-", folder); }

    void add_sockets() {
        if (vm_.tpm)
            allow_socket(vm_.paths.tpm_dir(vm_.name));
        for (const Network &network : vm_.networks)
            if (network.type == NetworkType::user)
                allow_socket(vm_.paths.usernet_dir(vm_.name, network.name));
            else if (network.type == NetworkType::passt)
                allow_socket(vm_.paths.passt_dir(vm_.name, network.name));
        for (const Share &share : vm_.shares)
            if (share.type == ShareType::virtiofs)
                allow_socket(vm_.paths.virtiofs_dir(vm_.name, share.name));
    }

    const Vm &vm_;
    const bool has_mounts_;
    std::string lines_;
    std::vector<std::string> hidden_;
    bool in_home_ = false, in_root_ = false;
};

}  // namespace

std::vector<OpenedPath> opened_paths(const Vm &vm) {
    std::vector<OpenedPath> paths;
    // What `qemunitctl run` hands over is open already.
    for (const auto *path :
         {&vm.boot.kernel, &vm.boot.initrd, &vm.boot.shim, &vm.boot.device_tree, &vm.boot.bios})
        if (*path && !is_below((*path)->text, run::kOpenFiles))
            paths.push_back({absolute_path(vm, **path), false});
    for (const FirmwareFile &file : vm.boot.firmware_files)
        paths.push_back({absolute_path(vm, file.file), false});
    if (vm.uefi) {
        paths.push_back({vm.uefi->code, false});
        paths.push_back({vm.uefi->variables, false});  // the template, for the helper to copy
    }
    return paths;
}

std::vector<OpenedPath> mounted_paths(const Vm &vm) {
    std::vector<OpenedPath> paths = opened_paths(vm);
    for (const DriveFile &file : drive_files(vm))
        if (!file.is_opened_by_root)
            paths.push_back({file.path, file.write});
    for (const Share &share : vm.shares)
        if (share.type != ShareType::virtiofs)  // virtiofsd has a sandbox of its own
            paths.push_back({share.path->text, !share.read_only && share.type == ShareType::ninep});
    if (vm.qemu)
        paths.push_back({vm.qemu->text, false});
    // One mount for each path, or systemd takes the read-only one of two.
    std::map<std::string_view, bool> is_written;
    for (const OpenedPath &opened : paths)
        is_written[opened.path] |= opened.write;
    std::vector<OpenedPath> mounted;
    for (const OpenedPath &opened : paths) {
        const auto mount = is_written.extract(opened.path);
        // The state directory is writable and /usr readable as they are.
        if (mount && !is_below(opened.path, vm.paths.state_dir(vm.name)) &&
            (mount.mapped() || !is_below(opened.path, "/usr")))
            mounted.push_back({opened.path, mount.mapped()});
    }
    return mounted;
}

std::string sandbox_settings(const Vm &vm, Namespaces namespaces) {
    return Sandbox(vm, namespaces).build();
}

}  // namespace qemunit::generator
