// SPDX-License-Identifier: MIT
//
// Devices of the host that a VM gets for itself. Only a machine with an IOMMU can do so, and few
// have cards to spare: these run on the one that `tools/throwaway --kernel` emulates, and are
// skipped elsewhere.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "common/host_device/kernel_files.h"
#include "common/host_device/usb_device.h"
#include "common/unique_fd.h"
#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/parts.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

// Of tools/throwaway-machine.sh.
const std::string kCard = "0000:00:10.0", kFirstOfTwo = "0000:01:01.0",
                  kSecondOfTwo = "0000:01:02.0";
constexpr const char *kTablet = "0627:0001", *kStick = "46f4:0001";

std::string pci_file(const std::string &address, const std::string &name) {
    return "/sys/bus/pci/devices/" + address + "/" + name;
}
std::string driver_of(const std::string &address) {
    return link_name(pci_file(address, "driver"));
}
std::string interface_of(const std::string &address) {
    const auto names = names_in(pci_file(address, "net"));
    return names.empty() ? "" : names.front();
}

std::string usb_port(const std::string &id) {
    const auto found = find_usb_devices("", {id, false});
    EXPECT_TRUE(found) << (found ? "" : found.error().message);
    return found ? found->front().port : "";
}
std::string usb_driver_of(const std::string &interface) {
    return link_name("/sys/bus/usb/devices/" + interface + "/driver");
}

class HostDevices : public testing::Test {
  protected:
    void SetUp() override {
        if (!fs::exists(pci_file(kCard, "iommu_group")))
            GTEST_SKIP()
                << "this machine has no IOMMU, or not the cards that these tests give away";
        ASSERT_TRUE(
            run_words("modprobe -a e1000 nvme xhci_pci usbhid hid_generic usb_storage sd_mod")
                .ok());
        for (const std::string &card : {kCard, kFirstOfTwo, kSecondOfTwo})
            ASSERT_EQ(driver_of(card), "e1000");
        // The kernel looks for what is plugged in after modprobe has ended.
        wait_until([] {
            return find_usb_devices("", {kTablet, false}) &&
                   find_usb_devices("", {kStick, false}) &&
                   !usb_driver_of(usb_port(kTablet) + ":1.0").empty();
        });
    }

    static std::string ini(const std::string &devices) { return boot_sector_ini() + devices; }
    static std::string pci(const std::string &name, const std::string &address) {
        return "[HostDevice " + name + "]\nPCI=" + address + "\n";
    }
    static std::string part(const VmUnderTest &vm, const std::string &device) {
        return "qemu-hostdev@" + vm.name() + ":" + device + ".service";
    }
    static void expect_given_back(const VmUnderTest &vm, const std::string &device) {
        EXPECT_TRUE(wait_for_state(part(vm, device), "inactive"))
            << run({"systemctl", "status", part(vm, device)}).output;
        EXPECT_FALSE(fs::exists("/dev/qemunit/" + vm.name()));
    }
    // By its unit alone, which is sooner there than the VM.
    static void expect_refused(const VmUnderTest &vm, const std::string &device,
                               const std::string &why) {
        EXPECT_FALSE(run({"systemctl", "start", part(vm, device)}).ok());
        expect_contains(run({"systemctl", "status", part(vm, device)}).output, why);
    }
    static void expect_has_card(const VmUnderTest &vm) {
        EXPECT_EQ(unit_property(part(vm, "card"), "ActiveState"), "active");
        EXPECT_EQ(driver_of(kCard), "vfio-pci");
        const std::string devices = monitor_command(vm.name(), "info qtree").value;
        expect_contains(devices, "dev: vfio-pci, id \"card\"");
        expect_contains(devices, "pci id 8086:100e");
    }
    // Nobody can save what is in a device.
    static void expect_not_saved(const VmUnderTest &vm) {
        const std::string begin =
            "VM '" + vm.name() + "' has 'card', 'tablet' of the host ([HostDevice NAME]), ";
        const BusReply saved = call_vm(vm.name(), "SaveSnapshot", "one"),
                       loaded = call_vm(vm.name(), "LoadSnapshot", "one"),
                       hibernated = call_vm(vm.name(), "Hibernate");
        for (const BusReply &reply : {saved, loaded, hibernated})
            EXPECT_EQ(reply.error, "org.qemunit1.Error.Monitor");
        EXPECT_EQ(saved.message, begin +
                                     "whose state cannot be saved with the guest's: it can have no "
                                     "snapshots");
        EXPECT_EQ(loaded.message, begin +
                                      "which stays as it is now, and not as the guest of the "
                                      "snapshot knows it: no snapshot can be loaded");
        EXPECT_EQ(hibernated.message,
                  "the machine's state would be of no use at the next start: "
                  "[HostDevice card]");
        expect_contains(run({"qemunitctl", "migrate", vm.name(), "127.0.0.1"}).output,
                        "a device of the host");
        EXPECT_EQ(status_of_qemu(vm.name()), "VM status: running");
    }
};

// A start takes half a minute on that machine: what one VM can show is asked of one.
TEST_F(HostDevices, APciDeviceIsTheGuestsUntilTheVmEnds) {
    const VmUnderTest vm("hostpci", ini(pci("card", "00:10.0") +
                                        "[HostDevice tablet]\nUSB=" + std::string(kTablet) + "\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status() << run({"systemctl", "status", part(vm, "card")});
    expect_has_card(vm);
    // Nobody else's group, and nobody but root and the VM can come to these nodes.
    const std::string group = link_name(pci_file(kCard, "iommu_group"));
    const std::string sandbox = "/proc/" + std::to_string(vm.main_pid()) + "/root/dev/vfio";
    EXPECT_EQ(names_in(sandbox), (std::vector<std::string>{kCard, group, "vfio"}));
    struct stat status {};
    ASSERT_EQ(stat("/dev/qemunit", &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0700U);
    EXPECT_EQ(status.st_uid, 0U);
    // Who stops the unit by hand would take the device from the guest.
    const Finished refused = run({"systemctl", "stop", part(vm, "card")});
    EXPECT_FALSE(refused.ok());
    expect_contains(refused.output, "may be requested by dependency only");
    expect_has_card(vm);
    expect_not_saved(vm);
    // Its ini is edited, or gone, while it runs: the device stays with it, and goes back all the
    // same.
    write_file(vm.ini_path(), boot_sector_ini());
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    expect_has_card(vm);
    fs::remove(vm.ini_path());
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    expect_has_card(vm);
    ASSERT_TRUE(vm.stop().ok());
    expect_given_back(vm, "card");
    EXPECT_EQ(driver_of(kCard), "e1000");
    EXPECT_EQ(trimmed(read_file(pci_file(kCard, "driver_override"))), "(null)");
    EXPECT_EQ(names_in("/run/qemunit-hostdev"), std::vector<std::string>{"locks"});
}

TEST_F(HostDevices, OneDeviceIsOneVmsUntilThatIsKilled) {
    const VmUnderTest first("hostfirst", ini(pci("card", kCard)));
    const VmUnderTest second("hostsecond", ini(pci("nic", kCard)));
    const Finished checked = run({"qemunitctl", "check", "hostfirst", "hostsecond"});
    expect_contains(checked.output,
                    "The PCI device " + kCard + " of the host is also that of VM 'hostfirst'");
    ASSERT_TRUE(first.start().ok()) << first.status();
    expect_refused(
        second, "nic",
        "the PCI device " + kCard + " is given to VM 'hostfirst', as its [HostDevice card]");
    ASSERT_EQ(kill(first.main_pid(), SIGKILL), 0);
    expect_given_back(first, "card");
    EXPECT_EQ(driver_of(kCard), "e1000");
    ASSERT_TRUE(second.start().ok()) << second.status();
    EXPECT_EQ(driver_of(kCard), "vfio-pci");
    ASSERT_TRUE(second.stop().ok());
    expect_given_back(second, "nic");
}

TEST_F(HostDevices, WhatIsNotThereIsNamed) {
    const VmUnderTest vm("hostnone", ini(pci("card", "0000:7f:1f.7") + pci("bridge", "00:11.0") +
                                         "[HostDevice stick]\nUSB=1234:5678\n"));
    EXPECT_FALSE(vm.start().ok());
    // One of them.
    expect_contains(vm.status().output,
                    "which the VM needs, is not up; `systemctl status qemu-hostdev@hostnone:");
    expect_contains(run({"systemctl", "status", part(vm, "card")}).output,
                    "this machine has no PCI device 0000:7f:1f.7; `lspci -D` lists");
    expect_contains(run({"systemctl", "status", part(vm, "bridge")}).output, "is a bridge");
    expect_contains(run({"systemctl", "status", part(vm, "stick")}).output,
                    "no USB device 1234:5678 is plugged into this machine");
}

TEST_F(HostDevices, AGroupGoesToOneVmAsAWhole) {
    const std::string group = link_name(pci_file(kFirstOfTwo, "iommu_group"));
    const VmUnderTest half("hosthalf", ini(pci("one", kFirstOfTwo)));
    expect_refused(half, "one",
                   "the PCI device " + kFirstOfTwo + " is in IOMMU group " + group + " with " +
                       kSecondOfTwo + " (e1000), for which the host has a driver");
    EXPECT_EQ(driver_of(kFirstOfTwo), "e1000");
    const VmUnderTest both("hostboth", ini(pci("one", kFirstOfTwo) + pci("two", kSecondOfTwo)));
    ASSERT_TRUE(both.start().ok()) << both.status();
    expect_contains(monitor_command(both.name(), "info qtree").value, "dev: vfio-pci, id \"two\"");
    // The other one's driver is no reason now, its VM is.
    expect_refused(half, "one", "VM 'hostboth'");
    ASSERT_TRUE(both.stop().ok());
    expect_given_back(both, "one");
    expect_given_back(both, "two");
    for (const std::string &card : {kFirstOfTwo, kSecondOfTwo})
        EXPECT_EQ(driver_of(card), "e1000");
}

TEST_F(HostDevices, TheOnlyWayToTheNetworkStaysTheHosts) {
    const std::string interface = interface_of(kCard);
    ASSERT_TRUE(run_words("ip address add 192.0.2.1/24 dev " + interface).ok());
    ASSERT_TRUE(run_words("ip link set dev " + interface + " up").ok());
    ASSERT_TRUE(run_words("ip route add default via 192.0.2.2 dev " + interface).ok());
    {
        const VmUnderTest vm("hostway", ini(pci("card", kCard)));
        expect_refused(vm, "card",
                       "its interface '" + interface + "' is the only way to the network");
        EXPECT_EQ(interface_of(kCard), interface);
        const Finished checked = run({"qemunitctl", "check", "hostway"});
        expect_contains(checked.output, "is the only way to the network");
    }
    const VmUnderTest forced("hostforced", ini(pci("card", kCard) + "Force=yes\n"));
    EXPECT_TRUE(forced.start().ok()) << forced.status();
    ASSERT_TRUE(forced.stop().ok());
    expect_given_back(forced, "card");
}

// By its port, and by what it is.
TEST_F(HostDevices, AUsbDeviceIsTheGuestsUntilTheVmEnds) {
    const std::string port = usb_port(kTablet), interface = port + ":1.0";
    ASSERT_EQ(usb_driver_of(interface), "usbhid");
    for (const std::string &address : {std::string(kTablet), port}) {
        const VmUnderTest vm("hostusb", ini("[HostDevice tablet]\nUSB=" + address + "\n"));
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        expect_contains(monitor_command(vm.name(), "info usb").value,
                        "Product QEMU USB Tablet, ID: tablet");
        const std::string sandbox = "/proc/" + std::to_string(vm.main_pid()) + "/root/dev/";
        for (const char *folder : {"bus", "qemunit"})
            EXPECT_FALSE(fs::exists(sandbox + folder));
        if (address == port) {
            const VmUnderTest other("hostusb2",
                                    ini("[HostDevice mouse]\nUSB=" + std::string(kTablet) + "\n"));
            expect_refused(other, "mouse", "is given to VM 'hostusb', as its [HostDevice tablet]");
            ASSERT_EQ(kill(vm.main_pid(), SIGKILL), 0);
        } else {
            ASSERT_TRUE(vm.stop().ok());
        }
        expect_given_back(vm, "tablet");
        EXPECT_EQ(usb_driver_of(interface), "usbhid") << address;
    }
}

// All of the bus is unplugged, and plugged in again.
class UsbController {
  public:
    static void unplug() {
        write_file("/sys/bus/pci/drivers/xhci_hcd/unbind", "0000:00:12.0");
        wait_until([] { return !find_usb_devices("", {kTablet, false}); });
    }
    // udev, which that machine has not, would start the unit.
    static Finished plug() {
        write_file("/sys/bus/pci/drivers/xhci_hcd/bind", "0000:00:12.0");
        wait_until([] { return find_usb_devices("", {kTablet, false}).has_value(); });
        return run({"systemctl", "start", "qemunit-plugged@" + usb_port(kTablet) + ".service"});
    }
};

// Whether QEMU gets hold of the tablet that is plugged in now: a unit that nobody waits for hands
// it over. (`info usb` still has one that was unplugged, until the guest talks to it.)
bool gets_tablet(const VmUnderTest &vm) {
    const auto found = find_usb_devices("", {kTablet, false});
    const std::string files = "/proc/" + std::to_string(vm.main_pid()) + "/fd";
    const auto is_tablet = [&](const std::string &name) {
        struct stat status {};
        return stat((files + "/" + name).c_str(), &status) == 0 && S_ISCHR(status.st_mode) &&
               std::to_string(major(status.st_rdev)) + ":" +
                       std::to_string(minor(status.st_rdev)) ==
                   found->front().node;
    };
    return found && wait_until([&] {
               return std::ranges::any_of(names_in(files), is_tablet) &&
                      monitor_command(vm.name(), "info usb")
                              .value.find("Product QEMU USB Tablet, ID: tablet") !=
                          std::string::npos;
           });
}

TEST_F(HostDevices, AUsbDeviceMayComeAndGo) {
    UsbController::unplug();
    const VmUnderTest vm(
        "hostcome", ini("[HostDevice tablet]\nUSB=" + std::string(kTablet) + "\nOptional=yes\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_contains(run({"systemctl", "status", part(vm, "tablet")}).output,
                    "the VM starts without the USB device");
    EXPECT_EQ(monitor_command(vm.name(), "info usb").value.find("ID: tablet"), std::string::npos);
    for (int i = 0; i < 2; ++i) {
        const Finished plugged = UsbController::plug();
        ASSERT_TRUE(plugged.ok()) << plugged << journalctl("qemunit-plugged@*");
        EXPECT_TRUE(gets_tablet(vm)) << journalctl("qemu-hostdev-attach@*");
        UsbController::unplug();
    }
    ASSERT_TRUE(vm.stop().ok());
    expect_given_back(vm, "tablet");
    EXPECT_FALSE(fs::exists("/run/qemunit-hostdev/wishes"));
    // Nobody waits for it now.
    EXPECT_TRUE(UsbController::plug().ok());
}

TEST_F(HostDevices, AUsbDeviceComesBackWhenItIsPluggedInAgain) {
    const VmUnderTest vm("hostback",
                         ini("[HostDevice tablet]\nUSB=" + std::string(kTablet) + "\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(gets_tablet(vm));
    UsbController::unplug();
    const Finished plugged = UsbController::plug();
    EXPECT_TRUE(plugged.ok()) << plugged << journalctl("qemunit-plugged@*");
    EXPECT_TRUE(gets_tablet(vm)) << journalctl("qemu-hostdev-attach@*");
    ASSERT_TRUE(vm.stop().ok());
    expect_given_back(vm, "tablet");
    EXPECT_EQ(usb_driver_of(usb_port(kTablet) + ":1.0"), "usbhid");
}

// Its disk is no child of the controller then.
TEST_F(HostDevices, AnNvmeDiskWithMultipathStaysTheHosts) {
    const std::string controller = "0000:00:13.0";
    const std::string disk = "/dev/nvme0n1";
    ASSERT_TRUE(wait_until([] {
        return fs::exists("/sys/class/nvme-subsystem/nvme-subsys0/nvme0n1");
    })) << "the kernel has no multipath of NVMe";
    ASSERT_EQ(fs::canonical("/sys/class/block/nvme0n1").string().find(controller),
              std::string::npos);
    ASSERT_TRUE(run({"mkswap", disk}).ok());
    ASSERT_TRUE(run({"swapon", disk}).ok());
    const VmUnderTest vm("hostnvme", ini(pci("disk", controller)));
    expect_refused(vm, "disk", "its disk 'nvme0n1' is swap space");
    EXPECT_EQ(driver_of(controller), "nvme");
    ASSERT_TRUE(run({"swapoff", disk}).ok());
    // What no list of the kernel has, but keeps others away.
    const UniqueFd used(open(disk.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC));
    ASSERT_TRUE(used);
    expect_refused(vm, "disk", "its disk 'nvme0n1' is in use");
}

TEST_F(HostDevices, AStickInUseStaysTheHosts) {
    const std::string port = usb_port(kStick);
    std::string disk;
    ASSERT_TRUE(wait_until([&] {
        for (const std::string &name : names_in("/sys/class/block"))
            if (fs::canonical("/sys/class/block/" + name).string().find("/" + port + "/") !=
                std::string::npos)
                disk = "/dev/" + name;
        return !disk.empty();
    }));
    ASSERT_TRUE(run({"mkswap", disk}).ok());
    ASSERT_TRUE(run({"swapon", disk}).ok());
    const VmUnderTest vm("hoststick", ini("[HostDevice stick]\nUSB=" + port + "\n"));
    expect_refused(vm, "stick", "its disk '" + disk.substr(5) + "' is swap space");
    ASSERT_TRUE(run({"swapoff", disk}).ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_contains(monitor_command(vm.name(), "info usb").value,
                    "Product QEMU USB HARDDRIVE, ID: stick");
}

}  // namespace
}  // namespace qemunit::e2e
