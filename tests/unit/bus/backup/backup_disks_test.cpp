// SPDX-License-Identifier: MIT
#include "bus/backup/backup_disks.h"

#include <gtest/gtest.h>

#include "common/files/backup_name.h"

namespace qemunit::bus {
namespace {

using nlohmann::json;

json qcow2_device(const char *name, json bitmaps = json::array()) {
    return {
        {"device", name},
        {"qdev", std::string("/machine/peripheral/") + name + "/virtio-backend"},
        {"inserted",
         {{"node-name", std::string("qemunit-image-") + name},
          {"drv", "qcow2"},
          {"ro", false},
          {"file", "/dev/fdset/1"},
          {"dirty-bitmaps", std::move(bitmaps)},
          {"image",
           {{"virtual-size", 1u << 20}, {"format-specific", {{"data", {{"compat", "1.1"}}}}}}}}}};
}

json bitmap(const char *checkpoint, bool inconsistent = false) {
    json its{{"name", checkpoint_bitmap(checkpoint)}, {"recording", !inconsistent}};
    if (inconsistent)
        its["inconsistent"] = true;
    return its;
}

TEST(BackupDisksTest, LeavesOutWhatIsNotWrittenOrNotKept) {
    json read_only = qcow2_device("cd");
    read_only["inserted"]["ro"] = true;
    json ephemeral = qcow2_device("eph");
    ephemeral["inserted"]["node-name"] = "#block475";
    ephemeral["inserted"]["file"] = R"(json:{"file": {"filename": "/var/tmp/vl.FEX3Y3"}})";
    const json variables{{"device", "pflash1"},
                         {"qdev", "/machine/system.flash1"},
                         {"inserted",
                          {{"node-name", "#block806"},
                           {"drv", "raw"},
                           {"ro", false},
                           {"file", "v.fd"},
                           {"image", {{"virtual-size", 540672}}}}}};
    const json empty{{"device", "floppy0"}, {"removable", true}};
    const auto disks = backup_disks({qcow2_device("root"), read_only, ephemeral, variables, empty});
    ASSERT_TRUE(disks) << disks.error();
    ASSERT_EQ(disks->size(), 2u);
    EXPECT_EQ((*disks)[0].name, "root");
    EXPECT_EQ((*disks)[0].node, "qemunit-image-root");
    EXPECT_EQ((*disks)[0].size, 1u << 20);
    EXPECT_TRUE((*disks)[0].keeps_checkpoints);
    EXPECT_EQ((*disks)[1].name, kVariablesName);
    EXPECT_TRUE((*disks)[1].is_variables);
    EXPECT_FALSE(backup_disks({read_only, ephemeral, variables}));
    EXPECT_FALSE(backup_disks(nullptr));
    EXPECT_FALSE(backup_disks({1, "a", {{"inserted", 3}}}));
}

// A drive of the ini that was plugged in since has its own name.
TEST(BackupDisksTest, NamesAttachedDrives) {
    json data = qcow2_device("qemunit-hot-data");
    data["device"] = "";
    const auto disks = backup_disks(json::array({data}));
    ASSERT_TRUE(disks) << disks.error();
    EXPECT_EQ(disks->front().name, "data");
}

TEST(BackupDisksTest, RefusesANameThatLeadsElsewhere) {
    for (const char *name : {"..", "a/b", ".hidden", "a b"})
        EXPECT_FALSE(backup_disks(json::array({qcow2_device(name)}))) << name;
}

TEST(BackupDisksTest, KnowsCheckpointsThatAreWhole) {
    const auto disks = backup_disks(
        json::array({qcow2_device("root", {bitmap("b"),
                                           bitmap("a"),
                                           bitmap("c", /*inconsistent=*/true),
                                           {{"name", "of-somebody"}, {"recording", true}}})}));
    ASSERT_TRUE(disks) << disks.error();
    EXPECT_EQ((*disks)[0].checkpoints, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(unknown_checkpoint(*disks, "a"), "");
    EXPECT_EQ(unknown_checkpoint(*disks, "c"),
              "disk 'root' was not closed in order since then, so that some changes are not known");
    EXPECT_EQ(unknown_checkpoint(*disks, "d"), "disk 'root' does not know it");
}

TEST(BackupDisksTest, ACheckpointHasToBeKnownByAll) {
    const auto disks =
        backup_disks({qcow2_device("root", json::array({bitmap("a")})), qcow2_device("data")});
    ASSERT_TRUE(disks) << disks.error();
    EXPECT_EQ(unknown_checkpoint(*disks, "a"), "disk 'data' does not know it");
}

TEST(BackupDisksTest, NamesOfCheckpointsSortByTime) {
    constexpr uint64_t kMoment = 1'764'433'424'000'000;
    EXPECT_EQ(backup_name(kMoment, 0xab), "20251129T162344Z-000000ab");
    EXPECT_EQ(backup_name(kMoment + 999'999, 0xffff'ffff), "20251129T162344Z-f423ffff");
    EXPECT_LT(backup_name(kMoment, 0xffff), backup_name(kMoment + 1, 0));
    EXPECT_TRUE(is_checkpoint_name(backup_name(kMoment, 0xab)));
    for (const char *text : {"", "a b", "a/b", "../a", "a.b"})
        EXPECT_FALSE(is_checkpoint_name(text)) << text;
}

TEST(BackupDisksTest, ScratchTakesHalfOfWhatIsFreeAtMost) {
    EXPECT_EQ(scratch_limit(1ull << 40, 64u << 20, 2), 16u << 20);
    EXPECT_EQ(scratch_limit(64u << 20, 1ull << 40, 1), (65u << 20));
    EXPECT_EQ(scratch_limit(1 << 20, 0, 1), 0u);
}

}  // namespace
}  // namespace qemunit::bus
