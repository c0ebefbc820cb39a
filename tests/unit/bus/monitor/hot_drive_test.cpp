// SPDX-License-Identifier: MIT
#include "bus/monitor/hot_drive.h"

#include <gtest/gtest.h>

namespace qemunit::bus {
namespace {

using nlohmann::json;

HotPlugMachine machine(std::string type, std::map<std::string, std::string> devices = {}) {
    return {std::move(type), std::move(devices)};
}

TEST(HotDriveTest, ItsNamesTellWhatItIs) {
    EXPECT_EQ(hot_drive_id("data"), "qemunit-hot-data");
    EXPECT_EQ(hot_drive_name("qemunit-hot-data"), "data");
    EXPECT_EQ(hot_drive_name("data"), "");
    EXPECT_EQ(hot_drive_name("qemunit-scsi"), "");
    const json set =
        json::parse(R"({"fdset-id":1,"fds":[{"fd":3,"opaque":"qemunit-drive:data"}]})");
    EXPECT_TRUE(is_image_of(set, "data"));
    EXPECT_FALSE(is_image_of(set, "dat"));
    EXPECT_FALSE(is_image_of(json::parse(R"({"fds":[{"fd":3}]})"), "data"));
    EXPECT_EQ(hot_drive_label("data", "if=none,a b"), "qemunit-drive:data:if=none,a b");
    const json of_ini = {{"fds", {{{"opaque", hot_drive_label("data", "x:y")}}}}};
    EXPECT_TRUE(is_image_of(of_ini, "data"));
    EXPECT_FALSE(is_image_of(of_ini, "dat"));
    EXPECT_FALSE(is_image_of(json(), "data"));
}

TEST(HotDriveTest, NamesThatCannotBe) {
    EXPECT_EQ(hot_drive_name_fault("data-2.x_"), "");
    EXPECT_EQ(hot_drive_name_fault(std::string(19, 'a')), "");
    EXPECT_EQ(hot_drive_name_fault(""), "The name of the drive is empty");
    EXPECT_EQ(hot_drive_name_fault(std::string(20, 'a')),
              "The name of the drive is longer than 19 bytes");
    EXPECT_EQ(hot_drive_name_fault("da,ta"),
              "The name of a drive is made of the letters A to Z and a to z, digits, '.', '_' and "
              "'-'");
    EXPECT_EQ(hot_drive_serial_fault("WD-1234"), "");
    EXPECT_EQ(hot_drive_serial_fault(std::string(21, '1')),
              "The serial number is longer than 20 bytes");
    EXPECT_EQ(hot_drive_serial_fault("a b"),
              "The serial number has other characters than ASCII's visible ones");
}

TEST(HotDriveTest, DevicesOfTheMachine) {
    EXPECT_EQ(qom_children(json::parse(R"([{"name":"type","type":"string"},
                  {"name":"port1","type":"child<pcie-root-port>"},
                  {"name":"x","type":"link<bus>"},7])")),
              (std::map<std::string, std::string>{{"port1", "pcie-root-port"}}));
    EXPECT_TRUE(qom_children(json()).empty());
    EXPECT_TRUE(
        is_bus_taken(json::parse(R"([{"name":"child[0]","type":"link<virtio-blk-pci>"}])")));
    EXPECT_FALSE(is_bus_taken(json::parse(R"([{"name":"hotplug-handler","type":"link<x>"}])")));
    EXPECT_EQ(pcie_root_ports(machine("", {{"a", "pcie-root-port"}, {"b", "virtio-blk-pci"}})),
              std::vector<std::string>{"a"});
}

TEST(HotDriveTest, TheBestPlace) {
    const auto place = [](const HotPlugMachine &its, const std::vector<std::string> &free = {}) {
        const auto found = hot_plug_place(its, free, "vm1");
        return found ? found->driver + " " + found->bus : found.error();
    };
    EXPECT_EQ(place(machine("pc-i440fx-7.2-machine")), "virtio-blk-pci pci.0");
    const HotPlugMachine q35 = machine(
        "pc-q35-7.2-machine", {{"port1", "pcie-root-port"}, {"qemunit-scsi", "virtio-scsi-pci"}});
    EXPECT_EQ(place(q35, {"port1"}), "virtio-blk-pci port1");
    EXPECT_EQ(place(q35), "scsi-hd qemunit-scsi.0");
    EXPECT_EQ(place(machine("microvm-machine", {{"qemunit-scsi", "virtio-scsi-device"}})),
              "scsi-hd qemunit-scsi.0");
    EXPECT_EQ(place(machine("microvm-machine")),
              "VM 'vm1' has no place for another drive: the machine 'microvm' has no PCI; with "
              "another Machine= in [VM] of its ini, or a drive with Interface=scsi, it will have");
    EXPECT_EQ(place(machine("pc-q35-7.2-machine")),
              "VM 'vm1' has no place for another drive: its machine, 'pc-q35-7.2', takes one in a "
              "PCIe root port or on a virtio-scsi controller, and it has neither; add "
              "HotPlugPorts=1 to [VM] of its ini, or a drive "
              "with Interface=scsi, and start it anew");
    EXPECT_EQ(place(machine("pc-q35-7.2-machine", {{"port1", "pcie-root-port"}})),
              "VM 'vm1' has no place for another drive: its machine, 'pc-q35-7.2', takes one in a "
              "PCIe root port or on a virtio-scsi controller, and it has no port that is free; add "
              "HotPlugPorts=2 to [VM] of its ini, or a drive "
              "with Interface=scsi, and start it anew");
}

TEST(HotDriveTest, OnlyOneInterfaceWillDo) {
    const auto place = [](const HotPlugMachine &its, std::string_view interface,
                          const std::vector<std::string> &free = {}) {
        const auto found = hot_plug_place(its, free, "vm1", interface);
        return found ? found->driver + " " + found->bus : found.error();
    };
    const HotPlugMachine q35 = machine(
        "pc-q35-7.2-machine", {{"port1", "pcie-root-port"}, {"qemunit-scsi", "virtio-scsi-pci"}});
    EXPECT_EQ(place(q35, "scsi", {"port1"}), "scsi-hd qemunit-scsi.0");
    EXPECT_EQ(place(q35, "virtio", {"port1"}), "virtio-blk-pci port1");
    EXPECT_EQ(
        place(q35, "virtio"),
        "VM 'vm1' has no place for another virtio drive: its machine, 'pc-q35-7.2', takes one "
        "in a PCIe root port, and it has none that is free; add HotPlugPorts=2 to [VM] of its "
        "ini, and start it anew");
    EXPECT_EQ(place(machine("pc-i440fx-7.2-machine"), "virtio"), "virtio-blk-pci pci.0");
    EXPECT_EQ(place(machine("pc-i440fx-7.2-machine"), "scsi"),
              "VM 'vm1' has no virtio-scsi controller, which a drive with Interface=scsi brings at "
              "a start");
}

TEST(HotDriveTest, WhatQemuIsTold) {
    HotDrive drive{.name = "data"};
    EXPECT_EQ(blockdev_arguments(drive, 2).dump(),
              R"({"driver":"raw","file":{"driver":"file","filename":"/dev/fdset/2",)"
              R"("read-only":false},"node-name":"qemunit-hot-data","read-only":false})");
    EXPECT_EQ(device_arguments(drive, {"virtio-blk-pci", "port1"}).dump(),
              R"({"bus":"port1","drive":"qemunit-hot-data","driver":"virtio-blk-pci",)"
              R"("id":"qemunit-hot-data"})");
    EXPECT_EQ(device_arguments(drive, {"scsi-hd", "qemunit-scsi.0"})["device_id"], "data");
    drive.format = "qcow2";
    drive.serial = "S-1";
    drive.read_only = drive.is_file_read_only = drive.is_block_device = true;
    EXPECT_EQ(
        blockdev_arguments(drive, 0).dump(),
        R"({"backing":null,"driver":"qcow2","file":{"driver":"host_device","filename":"/dev/fdset/0",)"
        R"("read-only":true},"node-name":"qemunit-hot-data","read-only":true})");
    EXPECT_EQ(device_arguments(drive, {"scsi-hd", "qemunit-scsi.0"})["serial"], "S-1");
}

}  // namespace
}  // namespace qemunit::bus
