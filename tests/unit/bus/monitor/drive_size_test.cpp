// SPDX-License-Identifier: MIT
#include "bus/monitor/drive_size.h"

#include <gtest/gtest.h>

namespace qemunit::bus {
namespace {

using nlohmann::json;

json drive(const std::string &device, const std::string &qdev, const std::string &node,
           uint64_t bytes) {
    return {{"device", device},
            {"qdev", qdev},
            {"inserted",
             {{"node-name", node},
              {"ro", false},
              {"file", "/dev/fdset/1"},
              {"image", {{"virtual-size", bytes}}}}}};
}

const json kDrives = {
    drive("root", "/machine/peripheral/root/virtio-backend", "qemunit-image-root", 1 << 20),
    drive("", "/machine/peripheral/qemunit-hot-data/virtio-backend", "qemunit-hot-data", 2 << 20),
    drive("pflash1", "", "#block7", 3 << 20)};

std::string fault(const json &drives, std::string_view name) {
    const auto found = drive_size(drives, name, "vm1");
    return found ? "" : found.error();
}

TEST(DriveSizeTest, IsOfTheIniOrAttached) {
    const auto root = drive_size(kDrives, "root", "vm1");
    ASSERT_TRUE(root) << root.error();
    EXPECT_EQ(root->node, "qemunit-image-root");
    EXPECT_EQ(root->bytes, 1u << 20);
    const auto data = drive_size(kDrives, "data", "vm1");
    ASSERT_TRUE(data) << data.error();
    EXPECT_EQ(data->node, "qemunit-hot-data");
    EXPECT_EQ(fault(kDrives, "pflash1"), "VM 'vm1' has no drive 'pflash1'; it has root, data");
    EXPECT_EQ(fault(json(), "a"), "VM 'vm1' has no drive 'a'; it has none");
}

TEST(DriveSizeTest, OfADriveOfAnAttachedScsiController) {
    const auto found = drive_size(
        json::array({drive("", "qemunit-hot-more", "qemunit-hot-more", 1 << 20)}), "more", "vm1");
    ASSERT_TRUE(found) << found.error();
    EXPECT_EQ(found->node, "qemunit-hot-more");
}

TEST(DriveSizeTest, OfAnSdCardIsAPowerOfTwo) {
    EXPECT_FALSE(may_be_card({"n", 1, "/machine/peripheral/root/virtio-backend"}));
    EXPECT_FALSE(may_be_card({"n", 1, "qemunit-hot-more"}));
    EXPECT_TRUE(may_be_card({"n", 1, "/machine/soc/peripherals/sdhost/sd-bus/child[0]"}));
    EXPECT_EQ(card_size_fault(4 << 20), "");
    EXPECT_EQ(card_size_fault(3 << 20),
              "An SD card has a size that is a power of two, which 3145728 bytes are not: QEMU "
              "would not start with it; the next larger one has 4194304");
}

TEST(DriveSizeTest, OnlyWhatIsKept) {
    json drives = kDrives;
    drives[0]["inserted"]["ro"] = true;
    EXPECT_EQ(fault(drives, "root"), "drive 'root' of VM 'vm1' is read-only, and stays as it is");
    drives[0].erase("inserted");
    EXPECT_EQ(fault(drives, "root"), "drive 'root' of VM 'vm1' is empty");
    drives = json::array({drive("root", "", "#block5", 1 << 20)});
    EXPECT_EQ(fault(drives, "root"), "");  // of a VM that 0.7.0 has started
    drives[0]["inserted"]["file"] = R"(json:{"file": {"filename": "/var/tmp/vl.BCIIZ3"}})";
    EXPECT_EQ(fault(drives, "root"),
              "drive 'root' of VM 'vm1' has Ephemeral=yes: what is changed now is thrown away when "
              "the VM ends; its image can be made larger while the VM is off");
}

TEST(DriveSizeTest, ADriveOnlyGrows) {
    const DriveSize now{"qemunit-image-root", 1 << 20, ""};
    EXPECT_EQ(drive_size_fault(now, 1 << 20), "");
    EXPECT_EQ(drive_size_fault(now, 2 << 20), "");
    EXPECT_EQ(drive_size_fault(now, (2 << 20) + 1),
              "The size of a drive is a multiple of 512 bytes, which 2097153 is not");
    EXPECT_EQ(drive_size_fault(now, uint64_t{1} << 63),
              "9223372036854775808 bytes are more than a drive can have");
    EXPECT_EQ(drive_size_fault(now, 1 << 19),
              "The drive has 1048576 bytes, and a smaller one, of 524288, would lose what is at "
              "its end; drives only grow");
}

TEST(DriveSizeTest, ImagesAreNotAlwaysQemus) {
    const auto hold = [](const char *status, bool runs, const char *migration) {
        json move = json::object();
        if (*migration)
            move["status"] = migration;
        return image_hold({{"status", status}, {"running", runs}}, move);
    };
    EXPECT_EQ(hold("running", true, ""), "");
    EXPECT_EQ(hold("paused", false, ""), "");
    EXPECT_EQ(hold("paused", false, "none"), "");
    EXPECT_EQ(hold("running", true, "completed"), "");
    EXPECT_EQ(hold("running", true, "failed"), "");
    for (const char *migration : {"setup", "active", "device", "pre-switchover", "cancelling"})
        EXPECT_EQ(hold("running", true, migration), "its state is being saved or moved")
            << migration;
    for (const char *status : {"inmigrate", "postmigrate", "finish-migrate", "save-vm"})
        EXPECT_EQ(hold(status, false, ""), "its state is being saved, moved or restored") << status;
    for (const char *migration : {"completed", "failed", "cancelled"})
        EXPECT_EQ(hold("paused", false, migration),
                  "it has been saved or moved, and has not run since; resume it first")
            << migration;
}

// A guest that was saved while it was paused has its snapshots, and a machine that a load has left
// half-loaded gets another one.
TEST(DriveSizeTest, AMachineIsHeldByAMoveAlone) {
    const auto hold = [](const char *status, const char *migration) {
        return migration_hold({{"status", status}}, {{"status", migration}});
    };
    for (const char *status : {"running", "paused", "restore-vm", "prelaunch"})
        for (const char *migration : {"none", "completed", "failed", "cancelled"})
            EXPECT_EQ(hold(status, migration), "") << status << " " << migration;
    EXPECT_EQ(migration_hold({{"status", "running"}}, json::object()), "");
    EXPECT_NE(hold("running", "active"), "");
    EXPECT_NE(hold("postmigrate", "completed"), "");
}

}  // namespace
}  // namespace qemunit::bus
