// SPDX-License-Identifier: MIT
#include "helper/hostdev/hostdev.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "common/concat.h"
#include "common/files/file_lock.h"
#include "common/host_device/host_use.h"
#include "common/host_device/kernel_files.h"
#include "common/host_device/pci_device.h"
#include "common/host_device/places.h"
#include "common/host_device/usb_device.h"
#include "common/paths.h"
#include "helper/hostdev/claim.h"
#include "helper/hostdev/driver_file.h"
#include "helper/hostdev/nodes.h"
#include "helper/hostdev/wish.h"

namespace qemunit::helper {

namespace {

class HostDeviceTool {
  public:
    HostDeviceTool(const HostDeviceOptions &options, const HostDeviceSystem &system)
        : options_(options),
          system_(system),
          root_(system.root),
          claims_(root_),
          wishes_(root_),
          places_{.vm = options.vm, .root = root_},
          drivers_(system.driver_usec) {}

    Result<std::string> take() const {
        if (options_.pci.empty())
            return take_usb();
        if (auto taken = take_pci(); !taken)
            return std::unexpected(taken.error());
        return {};
    }

    // Under the names of the VM that gets it.
    Result<std::string> take_plugged() const {
        const auto devices = find_usb_devices(root_, {options_.port, true});
        if (!devices)  // it is out again, or a hub
            return {};
        for (const Wish &wish : wishes_.all()) {
            const UsbDevice &device = devices->front();
            if (wish.address.text != (wish.address.is_port ? device.port : device.id))
                continue;
            HostDeviceOptions options;
            options.vm = wish.vm;
            options.device = wish.device;
            options.force = wish.force;
            options.usb = wish.address;
            const auto taken = HostDeviceTool(options, system_).fulfil(*devices);
            if (!taken)
                return std::unexpected(taken.error());
            if (*taken)
                return concat(wish.vm, ":", wish.device);
        }
        return {};
    }

    Result<> give_back() const {
        const auto lock = lock_own();
        if (!lock)
            return std::unexpected(lock.error());
        Result<> all;
        wishes_.forget(options_.vm, options_.device);
        const auto claims = claims_.of(options_.vm, options_.device);
        for (const Claim &claim : claims)
            if (auto back = give_back_one(claim); !back)
                all = std::move(back);
        if (claims.empty())
            remove_nodes(places_, options_.device, options_.pci);
        return all;
    }

  private:
    // Of an IOMMU group, or a port of USB. A driver that hangs holds up nobody else.
    Result<UniqueFd> lock(const std::string &name) const {
        const std::string folder = concat(root_, kHostDeviceRecords, "/locks");
        if (mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST)
            return fail_errno(errno, "cannot create " + folder);
        auto lock = lock_file(concat(folder, "/", name), system_.lock_seconds);
        if (!lock && lock.error().code == EINTR)
            return fail(
                EBUSY, fmt::format("{} is being taken or given back, and that does not end", name));
        return lock;
    }
    // The section of the ini, which has one device at most; before the lock of that.
    Result<UniqueFd> lock_own() const {
        return lock(concat("device ", options_.vm, ":", options_.device));
    }
    // One that is in no group has a lock of its own.
    Result<UniqueFd> lock_pci(const std::string &address) const {
        const std::string group = link_name(pci_folder(root_, address) + "/iommu_group");
        return lock(group.empty() ? concat("PCI device ", address) : concat("IOMMU group ", group));
    }
    Result<UniqueFd> lock_usb(const std::string &port) const {
        return lock(concat("USB port ", port));
    }

    Result<> check_unclaimed(const std::string &key, const std::string &what) const {
        const auto claim = claims_.find(key);
        if (!claim || claim->is_of(options_.vm, options_.device) || !claims_.counts(*claim))
            return {};
        if (claim->vm == options_.vm)
            return fail(EBUSY, fmt::format("{} is [HostDevice {}] of this VM already", what,
                                           claim->device));
        return fail(EBUSY, fmt::format("{} is given to VM '{}', as its [HostDevice {}], and goes "
                                       "back when that one ends",
                                       what, claim->vm, claim->device));
    }

    Result<> check_use(const std::string &use, const std::string &what) const {
        if (use.empty())
            return {};
        return fail(EBUSY, fmt::format("this machine itself uses {}: {}; with Force=yes in "
                                       "[HostDevice {}] it is taken all the same",
                                       what, use, options_.device));
    }

    Result<> give_back_one(const Claim &claim) const {
        const std::string address = pci_address_of(claim.key), port = usb_port_of(claim.key);
        const auto lock = address.empty() ? lock_usb(port) : lock_pci(address);
        if (!lock)
            return still_claimed(claim, lock.error());
        // Another unit of this device may have it by now, if this one failed to give it back.
        const auto now = claims_.find(claim.key);
        if (!now || !now->is_of(options_.vm, options_.device))
            return {};
        remove_nodes(places_, options_.device, address);
        if (auto back = address.empty() ? give_back_usb(port) : give_back_pci(address, *now); !back)
            return still_claimed(claim, back.error());
        claims_.forget(claim);
        return {};
    }

    Result<> still_claimed(const Claim &claim, const Error &why) const {
        const std::string address = pci_address_of(claim.key);
        return fail(why.code,
                    fmt::format("{}. The device {} has not gone back to the host; `{} give-back "
                                "{}:{}` tries that again",
                                why.message, address.empty() ? usb_port_of(claim.key) : address,
                                kHostDeviceToolPath, options_.vm, options_.device));
    }

    // --- PCI ---

    Result<> check_pci(const PciDevice &device, const std::string &what) const {
        if (auto free = check_unclaimed(pci_key(device.address), what); !free)
            return free;
        for (const PciDevice &other : others_in_group(root_, device))
            if (const auto claim = claims_.find(pci_key(other.address));
                claim && claim->vm != options_.vm && claims_.counts(*claim))
                return fail(EBUSY,
                            fmt::format("{} is in IOMMU group {} with {}, which is given to VM "
                                        "'{}': a group goes to one VM as a whole",
                                        what, device.group, other.address, claim->vm));
        return check_group(root_, device, options_.with);
    }

    // Of one that has not been given back, what drove it stands in the claim of who took it: of
    // this unit, if that was killed, or of another one.
    Result<> claim_pci(const PciDevice &device, const std::string &folder) const {
        const bool is_taken = device.driver.empty() || device.driver == kVfioDriver;
        const auto before = is_taken ? claims_.find(pci_key(device.address)) : std::nullopt;
        std::string override_text = kernel_text(folder + "/driver_override");
        if (override_text == "(null)")
            override_text.clear();
        return claims_.keep({pci_key(device.address), options_.vm, options_.device,
                             before ? before->driver : device.driver,
                             before ? before->driver_override : override_text});
    }

    Result<> take_pci() const {
        auto device = find_pci_device(root_, options_.pci);
        if (!device)
            return std::unexpected(device.error());
        const auto lock = lock_pci(device->address);
        if (!lock)
            return std::unexpected(lock.error());
        device = find_pci_device(root_, options_.pci);  // which nobody else changes now
        if (!device)
            return std::unexpected(device.error());
        const std::string what = fmt::format("the PCI device {}", device->address);
        if (auto may = check_pci(*device, what); !may)
            return may;
        const std::string folder = pci_folder(root_, device->address);
        // From here on nobody can mount its disks, until they are gone with their driver.
        KeptDisks kept;
        if (!options_.force)
            if (auto may = check_use(use_by_host(root_, *device, &kept), what); !may)
                return may;
        const std::string driver = concat(root_, "/sys/bus/pci/drivers/", kVfioDriver);
        if (access(driver.c_str(), F_OK) != 0)
            return fail(ENOENT,
                        "the kernel has no driver vfio-pci, which hands PCI devices to VMs; "
                        "`modprobe vfio-pci` says why");
        if (auto claimed = claim_pci(*device, folder); !claimed)
            return claimed;
        if (device->driver != kVfioDriver)
            if (auto bound = bind_to_vfio(folder, *device); !bound)
                return bound;
        return make_vfio_nodes(
            places_, options_.device, device->address, device->group,
            kernel_text(concat(root_, "/sys/class/vfio/", device->group, "/dev")),
            kernel_text(concat(root_, "/sys/class/misc/vfio/dev")));
    }

    Result<> bind_to_vfio(const std::string &folder, const PciDevice &device) const {
        if (auto written = drivers_.write(folder + "/driver_override", kVfioDriver); !written)
            return written;
        if (!device.driver.empty())
            if (auto written = drivers_.write(folder + "/driver/unbind", device.address); !written)
                return written;
        auto probed = drivers_.write(root_ + "/sys/bus/pci/drivers_probe", device.address);
        if (link_name(folder + "/driver") == kVfioDriver)
            return {};
        return fail(
            EIO, fmt::format("the driver vfio-pci does not take the PCI device {}{}; the "
                             "kernel's messages (`journalctl -k`) say why",
                             device.address, probed ? "" : concat(": ", probed.error().message)));
    }

    Result<> give_back_pci(const std::string &address, const Claim &claim) const {
        const std::string folder = pci_folder(root_, address);
        // It was unplugged, or is the administrator's to have there.
        if (access(folder.c_str(), F_OK) != 0 || claim.driver == kVfioDriver)
            return {};
        // A newline is how the kernel is told of none.
        const std::string before = claim.driver_override.empty() ? "\n" : claim.driver_override;
        if (auto written = drivers_.write(folder + "/driver_override", before); !written)
            return written;
        const auto driver = [&] {
            return link_name(folder + "/driver");
        };
        if (driver() == kVfioDriver)
            if (auto written = drivers_.write(folder + "/driver/unbind", address); !written)
                return written;
        const auto is_back = [&] {
            return driver() != kVfioDriver && (claim.driver.empty() || !driver().empty());
        };
        if (is_back())
            return {};
        const auto bound =
            drivers_.write(concat(root_, "/sys/bus/pci/drivers/", claim.driver, "/bind"), address);
        if (!is_back())
            (void)drivers_.write(root_ + "/sys/bus/pci/drivers_probe", address);
        if (is_back())
            return {};
        return fail(
            EIO, fmt::format("the driver '{}' does not take the PCI device {} back{}", claim.driver,
                             address, bound ? "" : concat(": ", bound.error().message)));
    }

    // --- USB ---

    // Whether what it was given is still plugged in.
    bool has_usb_device() const {
        return std::ranges::any_of(claims_.of(options_.vm, options_.device),
                                   [&](const Claim &claim) { return is_same_device(claim); });
    }
    // Each time that a device is plugged in, the kernel makes another folder for it; its node may
    // have the number of the one before.
    bool is_same_device(const Claim &claim) const {
        const std::string folder = usb_folder(root_, usb_port_of(claim.key));
        return kernel_text(folder + "/dev") == claim.driver &&
               inode_text(folder) == claim.driver_override;
    }
    static std::string inode_text(const std::string &folder) {
        struct stat status {};
        return stat(folder.c_str(), &status) == 0 ? std::to_string(status.st_ino) : "";
    }

    // Whether this wish is still one, and the device is the VM's now.
    Result<bool> fulfil(const std::vector<UsbDevice> &devices) const {
        const auto lock = lock_own();
        if (!lock)
            return std::unexpected(lock.error());
        if (!wishes_.has(options_.vm, options_.device) ||
            !claims_.is_up(options_.vm, options_.device) || has_usb_device())
            return false;
        if (auto taken = take_one_of(devices); !taken)
            return std::unexpected(taken.error());
        return true;
    }

    Result<std::string> take_usb() const {
        const auto lock = lock_own();
        if (!lock)
            return std::unexpected(lock.error());
        if (auto kept = wishes_.keep({options_.vm, options_.device, *options_.usb, options_.force});
            !kept)
            return std::unexpected(kept.error());
        const auto devices = find_usb_devices(root_, *options_.usb);
        if (!devices && options_.optional && devices.error().code == ENOENT) {
            if (auto made = make_empty_usb_node(places_, options_.device); !made)
                return std::unexpected(made.error());
            return fmt::format(
                "the VM starts without the USB device {}, and gets it when it is "
                "plugged in",
                options_.usb->text);
        }
        if (!devices)
            return std::unexpected(devices.error());
        if (auto taken = take_one_of(*devices); !taken)
            return std::unexpected(taken.error());
        return {};
    }

    // Of several that are alike, the first that nobody has.
    Result<> take_one_of(const std::vector<UsbDevice> &devices) const {
        Error error;
        for (const UsbDevice &device : devices) {
            auto taken = take_usb_device(device);
            if (taken || taken.error().code != EBUSY)
                return taken;
            error = taken.error();
        }
        return std::unexpected(std::move(error));
    }

    // EBUSY if it is somebody else's.
    Result<> take_usb_device(const UsbDevice &device) const {
        const auto lock = lock_usb(device.port);
        if (!lock)
            return std::unexpected(lock.error());
        const std::string what =
            device.port == options_.usb->text
                ? fmt::format("the USB device {}", device.port)
                : fmt::format("the USB device {} at {}", device.id, device.port);
        const std::string folder = usb_folder(root_, device.port);
        if (kernel_text(folder + "/dev") != device.node)
            return fail(ENODEV, fmt::format("{} was unplugged", what));
        // One that was unplugged is nobody's.
        if (const auto claim = claims_.find(usb_key(device.port)); claim && is_same_device(*claim))
            if (auto free = check_unclaimed(usb_key(device.port), what); !free)
                return free;
        // From here on nobody can mount its disks, until they are gone with their driver.
        KeptDisks kept;
        if (!options_.force)
            if (auto may = check_use(use_by_host(root_, folder, &kept), what); !may)
                return may;
        if (auto claimed = claims_.keep({usb_key(device.port), options_.vm, options_.device,
                                         device.node, inode_text(folder)});
            !claimed)
            return claimed;
        for (const std::string &interface : interfaces_of(device.port))
            if (const std::string driver = usb_folder(root_, interface) + "/driver";
                !link_name(driver).empty())
                if (auto unbound = drivers_.write(driver + "/unbind", interface); !unbound)
                    return unbound;
        return make_usb_node(places_, options_.device, device.node);
    }

    // "1-2.3:1.0"
    std::vector<std::string> interfaces_of(const std::string &port) const {
        std::vector<std::string> interfaces = names_in(root_ + "/sys/bus/usb/devices");
        std::erase_if(interfaces,
                      [&](const std::string &name) { return !name.starts_with(port + ":"); });
        return interfaces;
    }

    Result<> give_back_usb(const std::string &port) const {
        for (const std::string &interface : interfaces_of(port))
            if (link_name(concat(usb_folder(root_, interface), "/driver")).empty())
                // Many an interface has none; what hangs in there is for a next time.
                if (auto probed = drivers_.write(root_ + "/sys/bus/usb/drivers_probe", interface);
                    !probed && probed.error().code == ETIMEDOUT)
                    return probed;
        return {};
    }

    const HostDeviceOptions &options_;
    const HostDeviceSystem &system_;
    const std::string &root_;
    const Claims claims_;
    const Wishes wishes_;
    const HostDevicePlaces places_;
    const DriverFiles drivers_;
};

}  // namespace

Result<std::string> take_device(const HostDeviceOptions &options, const HostDeviceSystem &system) {
    return HostDeviceTool(options, system).take();
}

Result<std::string> take_plugged_device(const HostDeviceOptions &options,
                                        const HostDeviceSystem &system) {
    return HostDeviceTool(options, system).take_plugged();
}

Result<> give_back_device(const HostDeviceOptions &options, const HostDeviceSystem &system) {
    return HostDeviceTool(options, system).give_back();
}

}  // namespace qemunit::helper
