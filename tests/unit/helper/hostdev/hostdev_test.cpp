// SPDX-License-Identifier: MIT
//
// What is refused, before anything is touched: what is done to devices needs a kernel that has
// some, see tests/e2e/hostdev_test.cpp.
#include "helper/hostdev/hostdev.h"

#include <gtest/gtest.h>

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
        const auto taken = take_device(options, host.path());
        return taken ? "" : taken.error().message;
    }
    void claim(const std::string &key, const std::string &vm) const {
        ASSERT_TRUE(Claims(host / "run/qemunit-hostdev")
                        .keep({key, vm, "nic", key.starts_with("usb") ? "189:1" : "e1000", ""}));
    }
    // That no driver was told of anything.
    void expect_untouched(const std::string &address) const {
        EXPECT_EQ(host.read("sys/devices/pci0000:00/" + address + "/driver_override"), "(null)\n");
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
    ASSERT_TRUE(Claims(host / "run/qemunit-hostdev").keep({"usb-1-1", "vm2", "nic", "189:7", ""}));
    EXPECT_EQ(error(usb("1-1")).find("given to VM"), std::string::npos);
}

TEST_F(HostDeviceTest, ThatIsOptionalMayBeMissing) {
    HostDeviceOptions options = usb("1234:5678");
    EXPECT_EQ(error(options),
              "no USB device 1234:5678 is plugged into this machine; `lsusb` lists those that are");
    options.optional = true;
    host.make_folder("dev");
    const auto taken = take_device(options, host.path());
    ASSERT_TRUE(taken) << taken.error().message;
    EXPECT_EQ(*taken,
              "the VM starts without the USB device 1234:5678, and gets it when it is "
              "plugged in");
    EXPECT_EQ(host.read("run/qemunit-hostdev/wishes/vm1:card"), "1234:5678\n\n");
    // Another one.
    HostDeviceOptions plugged;
    plugged.mode = HostDeviceOptions::Mode::plugged;
    plugged.port = "1-1";
    EXPECT_EQ(take_plugged_device(plugged, host.path()).value_or("error"), "");
    plugged.port = "1-9";
    EXPECT_EQ(take_plugged_device(plugged, host.path()).value_or("error"), "");
    ASSERT_TRUE(give_back_device(options, host.path()));
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
    EXPECT_FALSE(Claims(host / "run/qemunit-hostdev").find("pci-0000:00:10.0"));
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
    EXPECT_TRUE(give_back_device(options, host.path()));
    // One that is gone.
    claim("pci-0000:00:12.0", "vm1");
    options.device = "nic";
    EXPECT_TRUE(give_back_device(options, host.path()));
    EXPECT_FALSE(Claims(host / "run/qemunit-hostdev").find("pci-0000:00:12.0"));
}

}  // namespace
}  // namespace qemunit::helper
