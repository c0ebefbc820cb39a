// SPDX-License-Identifier: MIT
#include "common/host_device/host_use.h"

#include <gtest/gtest.h>

#include "common/host_device/pci_device.h"
#include "tests/unit/host_tree.h"

namespace qemunit {
namespace {

constexpr const char *kCard = "0000:00:10.0", *kOther = "0000:00:11.0";

class HostUseTest : public ::testing::Test {
  protected:
    HostUseTest() {
        for (const char *address : {kCard, kOther})
            host.add_pci(address, "1", "e1000");
        route_by("");
    }
    std::string use(const char *address = kCard) const {
        return use_by_host(host.path(), pci_folder(host.path(), address));
    }
    static std::string of(const char *address) { return std::string("pci0000:00/") + address; }
    void route_by(const std::string &interfaces) const {
        std::string text = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\n";
        for (std::string_view rest = interfaces; !rest.empty();) {
            const std::size_t end = std::min(rest.find(' '), rest.size());
            text.append(rest.substr(0, end))
                .append("\t00000000\t0202000A\t0003\t0\t0\t100\t00000000\n");
            rest.remove_prefix(std::min(end + 1, rest.size()));
        }
        // One of a network alone.
        text += "eth9\t0002000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\n";
        host.write("proc/net/route", text);
    }

    testing::HostTree host;
};

TEST_F(HostUseTest, IsNoneOfADeviceThatIsLeftAlone) {
    host.add_interface(of(kCard), "eth0");
    host.add_disk(of(kCard) + "/host0", "sda", "8:0");
    route_by("");
    EXPECT_EQ(use(), "");
}

TEST_F(HostUseTest, IsAFileSystem) {
    host.add_disk(of(kCard) + "/host0", "sda", "8:0");
    host.add_disk(of(kCard) + "/host0", "sda1", "8:1");
    host.write("proc/self/mountinfo",
               "22 1 8:16 / / rw shared:1 - ext4 /dev/sdb rw\n"
               "23 22 8:1 / /srv/my\\040files rw,relatime shared:2 - ext4 /dev/sda1 rw\n");
    EXPECT_EQ(use(), "its disk 'sda1' has the file system at /srv/my files");
    EXPECT_EQ(use(kOther), "");
    // The number is one of btrfs' own.
    host.write("proc/self/mountinfo", "23 22 0:40 / /srv rw - btrfs /dev/sda1 rw\n");
    EXPECT_EQ(use(), "its disk 'sda1' has the file system at /srv");
}

TEST_F(HostUseTest, IsSwapAndWhatHoldsADisk) {
    host.add_disk(of(kCard) + "/host0", "sda", "8:0");
    host.write("proc/swaps", "Filename\tType\tSize\n/dev/sda partition 16 0 -2\n");
    EXPECT_EQ(use(), "its disk 'sda' is swap space");
    host.write("proc/swaps", "Filename\tType\tSize\n");
    host.make_folder("sys/devices/" + of(kCard) + "/host0/block/sda/holders/dm-0");
    host.write("sys/devices/virtual/block/dm-0/dm/name", "vg-root\n");
    host.link("sys/class/block/dm-0", "../../devices/virtual/block/dm-0");
    EXPECT_EQ(use(), "its disk 'sda' is part of 'vg-root'");
}

// The disk of a controller is the subsystem's then, and below the controller is a hidden path to
// it.
TEST_F(HostUseTest, IsADiskOfNvmeWithMultipath) {
    const std::string controller = of(kCard) + "/nvme/nvme3",
                      subsystem = "virtual/nvme-subsystem/nvme-subsys1";
    host.add_disk(controller, "nvme1c3n2", "0:0");
    host.write("sys/devices/" + controller + "/block/nvme1c3n2/hidden", "1\n");
    host.remove("dev/nvme1c3n2");
    EXPECT_EQ(use(),
              "nobody can tell whether the disk behind its path 'nvme1c3n2' is in use: there is no "
              "'nvme1n2'");
    host.link("sys/class/nvme-subsystem/nvme-subsys1", "../../devices/" + subsystem);
    host.add_disk(subsystem, "nvme1n2", "259:1");
    host.add_disk(subsystem, "nvme1n2p1", "259:2");
    host.write("sys/devices/" + subsystem + "/block/nvme1n2p1/partition", "1\n");
    EXPECT_EQ(use(), "");
    // The name of the path is enough for the disk, the subsystem's list for its partitions.
    host.write("proc/self/mountinfo", "22 1 259:1 / / rw - ext4 /dev/nvme1n2 rw\n");
    EXPECT_EQ(use(), "its disk 'nvme1n2' has the file system at /");
    host.link("sys/devices/" + subsystem + "/nvme3", "../../../" + controller);
    host.write("proc/self/mountinfo", "22 1 259:2 / / rw - ext4 /dev/nvme1n2p1 rw\n");
    EXPECT_EQ(use(), "its disk 'nvme1n2p1' has the file system at /");
    EXPECT_EQ(use(kOther), "");
    host.write("proc/self/mountinfo", "");
    host.make_folder("sys/devices/" + subsystem + "/block/nvme1n2/holders/dm-0");
    EXPECT_EQ(use(), "its disk 'nvme1n2' is part of 'dm-0'");
}

// Only what opens without an error, or has no medium, is free.
TEST_F(HostUseTest, IsWhatNobodyCanTell) {
    host.add_disk(of(kCard) + "/host0", "sda", "8:0");
    host.remove("dev/sda");
    EXPECT_EQ(use(),
              "nobody can tell whether its disk 'sda' is in use: /dev/sda: No such file or "
              "directory");
    host.link("dev/sda", "sda");
    EXPECT_EQ(use(),
              "nobody can tell whether its disk 'sda' is in use: /dev/sda: Too many levels of "
              "symbolic links");
}

TEST_F(HostUseTest, KeepsTheDisksThatAreFree) {
    host.add_disk(of(kCard) + "/host0", "sda", "8:0");
    host.add_disk(of(kCard) + "/host0", "sda1", "8:1");
    host.write("sys/devices/" + of(kCard) + "/host0/block/sda1/partition", "1\n");
    KeptDisks kept;
    EXPECT_EQ(use_by_host(host.path(), pci_folder(host.path(), kCard), &kept), "");
    EXPECT_EQ(kept.size(), 1U);
}

TEST_F(HostUseTest, IsAWayToTheNetworkIfRoutesCannotBeRead) {
    host.remove("proc/net/route");
    EXPECT_EQ(use(), "");  // it has no interface
    host.add_interface(of(kCard), "eth0");
    const std::string begin =
        "nobody can tell whether its interface 'eth0' is the only way to the network: cannot read ";
    EXPECT_EQ(use(), begin + (host / "proc/net/route"));
    route_by("");
    EXPECT_EQ(use(), "");
    host.make_folder("proc/net/ipv6_route");
    EXPECT_EQ(use(), begin + (host / "proc/net/ipv6_route"));
}

TEST_F(HostUseTest, IsNoneOfADeviceThatVfioHas) {
    host.write("sys/devices/" + of(kCard) + "/boot_vga", "1\n");
    EXPECT_EQ(use_by_host(host.path(), PciDevice{.address = kCard, .driver = "simple"}),
              "it shows the console");
    EXPECT_EQ(use_by_host(host.path(), PciDevice{.address = kCard, .driver = "vfio-pci"}), "");
}

TEST_F(HostUseTest, IsTheOnlyWayToTheNetwork) {
    host.add_interface(of(kCard), "eth0");
    host.add_interface(of(kOther), "eth1");
    route_by("eth0");
    EXPECT_EQ(use(), "its interface 'eth0' is the only way to the network");
    EXPECT_EQ(use(kOther), "");
    route_by("eth0 eth1");
    EXPECT_EQ(use(), "");
    // IPv6 alone.
    route_by("");
    const std::string zeros(32, '0');
    host.write("proc/net/ipv6_route",
               zeros + " 00 " + zeros + " 00 fe80000000000000 00000400 1 0 3 eth0\n" + zeros +
                   " 00 " + zeros + " 00 " + zeros + " ffffffff 1 0 200200 lo\n");
    EXPECT_EQ(use(), "its interface 'eth0' is the only way to the network");
}

// A card behind a virtio bus, below a VLAN on a bridge.
TEST_F(HostUseTest, IsTheCardBelowABridge) {
    host.add_interface(of(kCard) + "/virtio0", "eth0");
    for (const char *name : {"br0", "br0.5"}) {
        host.make_folder(std::string("sys/devices/virtual/net/") + name);
        host.link(std::string("sys/class/net/") + name,
                  std::string("../../devices/virtual/net/") + name);
    }
    host.link("sys/devices/virtual/net/br0.5/lower_br0", "../br0");
    host.link("sys/devices/virtual/net/br0/lower_eth0", "../../../eth0");
    route_by("br0.5");
    EXPECT_EQ(use(), "its interface 'eth0' is the only way to the network");
}

TEST_F(HostUseTest, IsTheConsole) {
    host.write("sys/devices/" + of(kCard) + "/boot_vga", "1\n");
    EXPECT_EQ(use(), "it shows the console");
    host.write("sys/devices/" + of(kOther) + "/boot_vga", "0\n");
    EXPECT_EQ(use(kOther), "");
    host.make_folder("sys/devices/" + of(kOther) + "/graphics/fb0");
    host.link("sys/class/graphics/fb0", "../../devices/" + of(kOther) + "/graphics/fb0");
    EXPECT_EQ(use(kOther), "it shows the console");
}

}  // namespace
}  // namespace qemunit
