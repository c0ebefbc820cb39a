// SPDX-License-Identifier: MIT
//
// What is refused, before anything is touched: what is done to devices needs a kernel that has
// some, see tests/e2e/hostdev_test.cpp.
#include "helper/hostdev/hostdev.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "common/files/file_lock.h"
#include "common/paths.h"
#include "helper/hostdev/claim.h"
#include "tests/unit/host_tree.h"

namespace qemunit::helper {
namespace {

class HostDeviceTest : public ::testing::Test {
  protected:
    HostDeviceTest() {
        host.make_folder("run/qemunit-hostdev");
        host.add_pci("0000:00:10.0", "3", "e1000");
        host.add_pci("0000:00:11.0", "4", "e1000");
        host.add_pci("0000:00:11.1", "4", "vfio-pci");
        host.add_usb("1-1", "046d", "c52b", "189:1");
        host.write("proc/net/route", "Iface\n");
        host.make_folder("dev");
        set_up("vm2:nic");
        set_up("vm1:nic");
    }
    static HostDeviceOptions pci(const std::string &address) {
        HostDeviceOptions options;
        options.vm = "vm1";
        options.device = "card";
        options.pci = address;
        return options;
    }
    static HostDeviceOptions usb(const std::string &id) {
        HostDeviceOptions options = pci("");
        options.usb = parse_usb_address(id);
        return options;
    }
    std::string error(const HostDeviceOptions &options) const {
        const auto taken = take_device(options, system());
        return taken ? "" : taken.error().message;
    }
    void claim(const std::string &key, const std::string &vm) const {
        ASSERT_TRUE(Claims(host.path())
                        .keep({key, vm, "nic", key.starts_with("usb") ? "189:1" : "e1000",
                               key.starts_with("usb") ? inode_of("1-1") : ""}));
    }
    // PID 1's word that it is.
    void set_up(const std::string &instance) const {
        host.link("run/systemd/units/invocation:qemu-hostdev@" + instance + ".service", "1");
    }
    HostDeviceSystem system() const { return {.root = host.path(), .lock_seconds = 1}; }
    // Whoever writes there waits for as long as nobody reads: a driver that does not return.
    void hang(const std::string &file) const {
        host.remove(file);
        ASSERT_EQ(mkfifo((host / file).c_str(), 0600), 0);
    }
    // That no driver was told of anything.
    void expect_untouched(const std::string &address) const {
        EXPECT_EQ(host.read("sys/devices/pci0000:00/" + address + "/driver_override"), "(null)\n");
    }

    std::string inode_of(const std::string &port) const {
        struct stat status {};
        EXPECT_EQ(stat((host / ("sys/bus/usb/devices/" + port)).c_str(), &status), 0);
        return std::to_string(status.st_ino);
    }

    testing::HostTree host;
};

TEST_F(HostDeviceTest, OfAnotherVmIsNotTaken) {
    claim("pci-0000:00:10.0", "vm2");
    EXPECT_EQ(error(pci("0000:00:10.0")),
              "the PCI device 0000:00:10.0 is given to VM 'vm2', as its [HostDevice nic], and goes "
              "back when that one ends");
    claim("pci-0000:00:11.1", "vm2");
    EXPECT_EQ(
        error(pci("0000:00:11.0")),
        "the PCI device 0000:00:11.0 is in IOMMU group 4 with 0000:00:11.1, which is given to VM "
        "'vm2': a group goes to one VM as a whole");
    claim("usb-1-1", "vm2");
    EXPECT_EQ(
        error(usb("046d:c52b")),
        "the USB device 046d:c52b at 1-1 is given to VM 'vm2', as its [HostDevice nic], and goes "
        "back when that one ends");
    claim("usb-1-1", "vm1");
    EXPECT_EQ(error(usb("1-1")), "the USB device 1-1 is [HostDevice nic] of this VM already");
    expect_untouched("0000:00:10.0");
    expect_untouched("0000:00:11.0");
}

// The port was another VM's, until its device was unplugged.
TEST_F(HostDeviceTest, ThatWasUnpluggedIsNobodys) {
    ASSERT_TRUE(Claims(host.path()).keep({"usb-1-1", "vm2", "nic", "189:7", ""}));
    EXPECT_EQ(error(usb("1-1")).find("given to VM"), std::string::npos);
}

// Its unit is not up: it has not given the device back, and what it has written is for who does.
TEST_F(HostDeviceTest, OfAVmThatHasEndedIsTaken) {
    host.add_pci("0000:00:12.0", "5", "vfio-pci");
    host.make_folder("sys/bus/pci/drivers/vfio-pci");
    ASSERT_TRUE(Claims(host.path()).keep({"pci-0000:00:12.0", "vm3", "nic", "ixgbe", "x"}));
    const std::string said = error(pci("0000:00:12.0"));
    EXPECT_NE(said.find("the kernel has no device node"), std::string::npos) << said;
    const auto claim = Claims(host.path()).find("pci-0000:00:12.0");
    ASSERT_TRUE(claim);
    EXPECT_TRUE(claim->is_of("vm1", "card"));
    EXPECT_EQ(claim->driver, "ixgbe");
    EXPECT_EQ(claim->driver_override, "x");
}

TEST_F(HostDeviceTest, ThatDoesNotGoBackStaysClaimed) {
    host.add_pci("0000:00:12.0", "5", "vfio-pci");
    host.write("sys/bus/pci/drivers/vfio-pci/unbind", "");
    ASSERT_TRUE(Claims(host.path()).keep({"pci-0000:00:12.0", "vm1", "card", "ixgbe", ""}));
    const auto back = give_back_device(pci(""), system());
    ASSERT_FALSE(back);
    EXPECT_EQ(
        back.error().message,
        "the driver 'ixgbe' does not take the PCI device 0000:00:12.0 back: cannot write to " +
            (host / "sys/bus/pci/drivers/ixgbe/bind") +
            ": No such file or directory. The device 0000:00:12.0 has not gone back to the "
            "host; `" +
            std::string(kHostDeviceToolPath) + " give-back vm1:card` tries that again");
    EXPECT_TRUE(Claims(host.path()).find("pci-0000:00:12.0"));
    host.write("sys/bus/pci/drivers/ixgbe/bind", "");
    host.remove("sys/devices/pci0000:00/0000:00:12.0/driver");
    host.link("sys/devices/pci0000:00/0000:00:12.0/driver", "../../../bus/pci/drivers/ixgbe");
    EXPECT_TRUE(give_back_device(pci(""), system()));
    EXPECT_FALSE(Claims(host.path()).find("pci-0000:00:12.0"));
}

TEST_F(HostDeviceTest, WhoseDriverHangsHoldsUpItsGroupAlone) {
    host.make_folder("sys/bus/pci/drivers/vfio-pci");
    host.make_folder("sys/bus/pci/drivers/e1000");
    hang("sys/bus/pci/drivers/e1000/unbind");
    HostDeviceSystem impatient = system();
    impatient.driver_usec = kSecond / 10;
    const auto taken = take_device(pci("0000:00:10.0"), impatient);
    ASSERT_FALSE(taken);
    EXPECT_EQ(taken.error().message,
              "the kernel does not return from writing to " +
                  (host / "sys/bus/pci/devices/0000:00:10.0/driver/unbind") +
                  " within 0.1 s: a driver hangs, of which `journalctl -k` may tell more");
    // What drove it is known to who gives it back.
    EXPECT_EQ(Claims(host.path()).find("pci-0000:00:10.0")->driver, "e1000");
    host.add_pci("0000:00:12.0", "5", "vfio-pci");
    const std::string other = error(pci("0000:00:12.0"));
    EXPECT_NE(other.find("the kernel has no device node"), std::string::npos) << other;
}

TEST_F(HostDeviceTest, OfAGroupThatIsLockedIsWaitedForAWhile) {
    host.make_folder("run/qemunit-hostdev/locks");
    const auto held = try_lock_file(host / "run/qemunit-hostdev/locks/IOMMU group 3");
    ASSERT_TRUE(held);
    EXPECT_EQ(error(pci("0000:00:10.0")),
              "IOMMU group 3 is being taken or given back, and that does not end");
    EXPECT_EQ(error(pci("0000:00:11.0")).find("given back"), std::string::npos);
}

TEST_F(HostDeviceTest, ThatIsOptionalMayBeMissing) {
    HostDeviceOptions options = usb("1234:5678");
    EXPECT_EQ(error(options),
              "no USB device 1234:5678 is plugged into this machine; `lsusb` lists those that are");
    options.optional = true;
    const auto taken = take_device(options, system());
    ASSERT_TRUE(taken) << taken.error().message;
    EXPECT_EQ(*taken,
              "the VM starts without the USB device 1234:5678, and gets it when it is "
              "plugged in");
    EXPECT_EQ(host.read("run/qemunit-hostdev/wishes/vm1:card"), "1234:5678\n\n");
    // Another one.
    HostDeviceOptions plugged;
    plugged.mode = HostDeviceOptions::Mode::plugged;
    plugged.port = "1-1";
    EXPECT_EQ(take_plugged_device(plugged, system()).value_or("error"), "");
    host.add_usb("1-2", "1234", "5678", "189:2");
    plugged.port = "1-2";
    EXPECT_EQ(take_plugged_device(plugged, system()).value_or("error"), "");  // its VM is off
    set_up("vm1:card");
    EXPECT_EQ(take_plugged_device(plugged, system()).value_or("error"), "vm1:card");
    EXPECT_EQ(take_plugged_device(plugged, system()).value_or("error"), "");  // it has one
    // Out, and in again.
    host.write("sys/devices/pci0000:00/usb1/1-2/dev", "189:9\n");
    EXPECT_EQ(take_plugged_device(plugged, system()).value_or("error"), "vm1:card");
    // And once more, as the device of the same number.
    const std::string folder = host / "sys/devices/pci0000:00/usb1/";
    std::filesystem::rename(folder + "1-2", folder + "was-1-2");
    std::filesystem::remove(host / "sys/bus/usb/devices/1-2");
    host.add_usb("1-2", "1234", "5678", "189:9");
    EXPECT_EQ(take_plugged_device(plugged, system()).value_or("error"), "vm1:card");
    EXPECT_EQ(take_plugged_device(plugged, system()).value_or("error"), "");
    plugged.port = "1-9";
    EXPECT_EQ(take_plugged_device(plugged, system()).value_or("error"), "");
    ASSERT_TRUE(give_back_device(options, system()));
    EXPECT_FALSE(std::filesystem::exists(host / "run/qemunit-hostdev/wishes"));
    EXPECT_FALSE(std::filesystem::exists(host / "dev/qemunit/vm1"));
}

TEST_F(HostDeviceTest, ThatTheHostUsesIsNotTaken) {
    host.add_disk("pci0000:00/0000:00:10.0/host0", "sda", "8:0");
    host.add_disk("pci0000:00/usb1/1-1/host1", "sdb", "8:16");
    host.write("proc/swaps", "Filename\n/dev/sda partition\n/dev/sdb partition\n");
    EXPECT_EQ(error(pci("0000:00:10.0")),
              "this machine itself uses the PCI device 0000:00:10.0: its disk 'sda' is swap space; "
              "with Force=yes in [HostDevice card] it is taken all the same");
    EXPECT_EQ(error(usb("046d:c52b")),
              "this machine itself uses the USB device 046d:c52b at 1-1: its disk 'sdb' is swap "
              "space; with Force=yes in [HostDevice card] it is taken all the same");
    expect_untouched("0000:00:10.0");
    EXPECT_FALSE(Claims(host.path()).find("pci-0000:00:10.0"));
}

TEST_F(HostDeviceTest, NeedsADriverOfTheKernels) {
    EXPECT_EQ(
        error(pci("0000:00:10.0")),
        "the kernel has no driver vfio-pci, which hands PCI devices to VMs; `modprobe vfio-pci` "
        "says why");
    expect_untouched("0000:00:10.0");
}

TEST_F(HostDeviceTest, ThatWasNotTakenIsGivenBackWithoutAWord) {
    HostDeviceOptions options = pci("");
    options.mode = HostDeviceOptions::Mode::give_back;
    EXPECT_TRUE(give_back_device(options, system()));
    // One that is gone.
    claim("pci-0000:00:12.0", "vm1");
    options.device = "nic";
    EXPECT_TRUE(give_back_device(options, system()));
    EXPECT_FALSE(Claims(host.path()).find("pci-0000:00:12.0"));
}

}  // namespace
}  // namespace qemunit::helper
