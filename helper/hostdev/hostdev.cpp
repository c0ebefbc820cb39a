// SPDX-License-Identifier: MIT
#include "helper/hostdev/hostdev.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "common/concat.h"
#include "common/files/file_lock.h"
#include "common/host_device/host_use.h"
#include "common/host_device/kernel_files.h"
#include "common/host_device/pci_device.h"
#include "common/host_device/places.h"
#include "common/host_device/usb_device.h"
#include "helper/hostdev/claim.h"
#include "helper/hostdev/nodes.h"
#include "helper/hostdev/wish.h"

namespace qemunit::helper {

namespace {

// Below the TimeoutSec= of the unit: whoever has the lock may be waiting for a driver.
constexpr unsigned kLockSeconds = 40;

Result<> write_kernel_file(const std::string &path, std::string_view text) {
    const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file || write(file.get(), text.data(), text.size()) < 0)
        return fail_errno(errno, concat("cannot write to ", path));
    return {};
}

class HostDeviceTool {
  public:
    HostDeviceTool(const HostDeviceOptions &options, const std::string &root)
        : options_(options),
          root_(root),
          claims_(concat(root, "/run/qemunit-hostdev")),
          wishes_(concat(root, "/run/qemunit-hostdev/wishes")),
          places_{.vm = options.vm, .root = root} {}

    Result<std::string> take() const {
        const auto lock = lock_all();
        if (!lock)
            return std::unexpected(lock.error());
        if (options_.pci.empty())
            return take_usb();
        if (auto taken = take_pci(); !taken)
            return std::unexpected(taken.error());
        return {};
    }

    // Under the names of the VM that gets it.
    Result<std::string> take_plugged() const {
        const auto lock = lock_all();
        if (!lock)
            return std::unexpected(lock.error());
        const auto devices = find_usb_devices(root_, {options_.port, true});
        if (!devices)  // it is out again, or a hub
            return {};
        for (const Wish &wish : wishes_.all()) {
            const UsbDevice &device = devices->front();
            if (wish.address.text != (wish.address.is_port ? device.port : device.id) ||
                has_usb_device(wish))
                continue;
            HostDeviceOptions options;
            options.vm = wish.vm;
            options.device = wish.device;
            options.force = wish.force;
            options.usb = wish.address;
            if (auto taken = HostDeviceTool(options, root_).take_one_of(*devices); !taken)
                return std::unexpected(taken.error());
            return concat(wish.vm, ":", wish.device);
        }
        return {};
    }

    Result<> give_back() const {
        const auto lock = lock_all();
        if (!lock)
            return std::unexpected(lock.error());
        Result<> all;
        wishes_.forget(options_.vm, options_.device);
        const auto claims = claims_.of(options_.vm, options_.device);
        for (const Claim &claim : claims) {
            const std::string address = pci_address_of(claim.key);
            remove_nodes(places_, options_.device, address);
            auto back = address.empty() ? give_back_usb(usb_port_of(claim.key))
                                        : give_back_pci(address, claim);
            if (!back)
                all = std::move(back);
            claims_.forget(claim);
        }
        if (claims.empty())
            remove_nodes(places_, options_.device, options_.pci);
        return all;
    }

  private:
    Result<UniqueFd> lock_all() const {
        auto lock = lock_file(concat(root_, "/run/qemunit-hostdev/.lock"), kLockSeconds);
        if (!lock && lock.error().code == EINTR)
            return fail(EBUSY,
                        "another device is being taken or given back, and that does not end");
        return lock;
    }

    Result<> check_unclaimed(const std::string &key, const std::string &what) const {
        const auto claim = claims_.find(key);
        if (!claim || claim->is_of(options_.vm, options_.device))
            return {};
        if (claim->vm == options_.vm)
            return fail(EBUSY, fmt::format("{} is [HostDevice {}] of this VM already", what,
                                           claim->device));
        return fail(EBUSY, fmt::format("{} is given to VM '{}', as its [HostDevice {}], and goes "
                                       "back when that one ends",
                                       what, claim->vm, claim->device));
    }

    Result<> check_use(const std::string &folder, const std::string &what) const {
        if (options_.force)
            return {};
        const std::string use = use_by_host(root_, folder);
        if (use.empty())
            return {};
        return fail(EBUSY, fmt::format("this machine itself uses {}: {}; with Force=yes in "
                                       "[HostDevice {}] it is taken all the same",
                                       what, use, options_.device));
    }

    // --- PCI ---

    Result<> check_pci(const PciDevice &device, const std::string &what) const {
        if (auto free = check_unclaimed(pci_key(device.address), what); !free)
            return free;
        for (const PciDevice &other : others_in_group(root_, device))
            if (const auto claim = claims_.find(pci_key(other.address));
                claim && claim->vm != options_.vm)
                return fail(EBUSY,
                            fmt::format("{} is in IOMMU group {} with {}, which is given to VM "
                                        "'{}': a group goes to one VM as a whole",
                                        what, device.group, other.address, claim->vm));
        if (auto viable = check_group(root_, device, options_.with); !viable)
            return viable;
        return check_use(pci_folder(root_, device.address), what);
    }

    Result<> take_pci() const {
        const auto device = find_pci_device(root_, options_.pci);
        if (!device)
            return std::unexpected(device.error());
        const std::string what = fmt::format("the PCI device {}", device->address);
        if (auto may = check_pci(*device, what); !may)
            return may;
        const std::string folder = pci_folder(root_, device->address);
        const std::string driver = concat(root_, "/sys/bus/pci/drivers/", kVfioDriver);
        if (access(driver.c_str(), F_OK) != 0)
            return fail(ENOENT,
                        "the kernel has no driver vfio-pci, which hands PCI devices to VMs; "
                        "`modprobe vfio-pci` says why");
        // One that this unit has taken before, and was killed.
        if (!claims_.find(pci_key(device->address))) {
            std::string override_text = kernel_text(folder + "/driver_override");
            if (override_text == "(null)")
                override_text.clear();
            if (auto kept = claims_.keep({pci_key(device->address), options_.vm, options_.device,
                                          device->driver, override_text});
                !kept)
                return kept;
        }
        if (device->driver != kVfioDriver)
            if (auto bound = bind_to_vfio(folder, *device); !bound)
                return bound;
        return make_vfio_nodes(
            places_, options_.device, device->address, device->group,
            kernel_text(concat(root_, "/sys/class/vfio/", device->group, "/dev")),
            kernel_text(concat(root_, "/sys/class/misc/vfio/dev")));
    }

    Result<> bind_to_vfio(const std::string &folder, const PciDevice &device) const {
        if (auto written = write_kernel_file(folder + "/driver_override", kVfioDriver); !written)
            return written;
        if (!device.driver.empty())
            if (auto written = write_kernel_file(folder + "/driver/unbind", device.address);
                !written)
                return written;
        auto probed = write_kernel_file(root_ + "/sys/bus/pci/drivers_probe", device.address);
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
        if (auto written = write_kernel_file(folder + "/driver_override", before); !written)
            return written;
        if (link_name(folder + "/driver") == kVfioDriver)
            if (auto written = write_kernel_file(folder + "/driver/unbind", address); !written)
                return written;
        if (claim.driver.empty() || !link_name(folder + "/driver").empty())
            return {};
        const auto bound = write_kernel_file(
            concat(root_, "/sys/bus/pci/drivers/", claim.driver, "/bind"), address);
        if (link_name(folder + "/driver").empty())
            (void)write_kernel_file(root_ + "/sys/bus/pci/drivers_probe", address);
        if (!link_name(folder + "/driver").empty())
            return {};
        return fail(
            EIO, fmt::format("the driver '{}' does not take the PCI device {} back{}", claim.driver,
                             address, bound ? "" : concat(": ", bound.error().message)));
    }

    // --- USB ---

    // Whether what it was given is still plugged in.
    bool has_usb_device(const Wish &wish) const {
        return std::ranges::any_of(claims_.of(wish.vm, wish.device),
                                   [&](const Claim &claim) { return is_same_device(claim); });
    }
    // Each time that a device is plugged in, it has another node.
    bool is_same_device(const Claim &claim) const {
        return kernel_text(usb_folder(root_, usb_port_of(claim.key)) + "/dev") == claim.driver;
    }

    Result<std::string> take_usb() const {
        if (options_.optional) {
            if (auto kept =
                    wishes_.keep({options_.vm, options_.device, *options_.usb, options_.force});
                !kept)
                return std::unexpected(kept.error());
            // The VM has the folder mounted, whatever is in there.
            if (auto made = make_usb_folder(places_); !made)
                return std::unexpected(made.error());
        }
        const auto devices = find_usb_devices(root_, *options_.usb);
        if (!devices && options_.optional && devices.error().code == ENOENT)
            return fmt::format(
                "the VM starts without the USB device {}, and gets it when it is "
                "plugged in",
                options_.usb->text);
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
            const std::string what =
                device.port == options_.usb->text
                    ? fmt::format("the USB device {}", device.port)
                    : fmt::format("the USB device {} at {}", device.id, device.port);
            Result<> free;
            // One that was unplugged is nobody's.
            if (const auto claim = claims_.find(usb_key(device.port));
                claim && is_same_device(*claim))
                free = check_unclaimed(usb_key(device.port), what);
            if (free)
                free = check_use(usb_folder(root_, device.port), what);
            if (!free) {
                error = free.error();
                continue;
            }
            if (auto kept = claims_.keep(
                    {usb_key(device.port), options_.vm, options_.device, device.node, {}});
                !kept)
                return kept;
            return make_usb_node(places_, options_.device, device.node);
        }
        return std::unexpected(std::move(error));
    }

    // A QEMU that was killed has told no driver of the host to take the interfaces back.
    Result<> give_back_usb(const std::string &port) const {
        for (const std::string &name : names_in(root_ + "/sys/bus/usb/devices"))
            if (name.starts_with(port + ":") &&
                link_name(concat(usb_folder(root_, name), "/driver")).empty())
                // Many an interface has none.
                (void)write_kernel_file(root_ + "/sys/bus/usb/drivers_probe", name);
        return {};
    }

    const HostDeviceOptions &options_;
    const std::string &root_;
    const Claims claims_;
    const Wishes wishes_;
    const HostDevicePlaces places_;
};

}  // namespace

Result<std::string> take_device(const HostDeviceOptions &options, const std::string &root) {
    return HostDeviceTool(options, root).take();
}

Result<std::string> take_plugged_device(const HostDeviceOptions &options, const std::string &root) {
    return HostDeviceTool(options, root).take_plugged();
}

Result<> give_back_device(const HostDeviceOptions &options, const std::string &root) {
    return HostDeviceTool(options, root).give_back();
}

}  // namespace qemunit::helper
