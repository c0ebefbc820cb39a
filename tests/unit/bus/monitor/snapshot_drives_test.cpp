// SPDX-License-Identifier: MIT
#include "bus/monitor/snapshot_drives.h"

#include <gtest/gtest.h>

#include <vector>

namespace qemunit::bus {
namespace {

using nlohmann::json;

json snapshot(const char *tag, uint64_t size, uint64_t seconds = 7) {
    return {{"name", tag},
            {"id", "1"},
            {"vm-state-size", size},
            {"date-sec", seconds},
            {"date-nsec", 5000u}};
}

json drive(const char *name, const char *format, const std::vector<json> &snapshots = {},
           bool ro = false) {
    return {{"device", name},
            {"inserted",
             {{"node-name", std::string("#") + name},
              {"ro", ro},
              {"drv", format},
              {"image", {{"snapshots", snapshots}}}}}};
}

SnapshotDrives drives_of(const std::vector<json> &query_block) {
    return snapshot_drives(query_block);
}

std::string fault(const std::expected<SnapshotJob, std::string> &job) {
    return job ? "" : job.error();
}

TEST(SnapshotDrivesTest, WritableDrivesWithAMediumTakePart) {
    const auto drives = drives_of({drive("root", "qcow2"),
                                   drive("cd", "raw", {}, true),
                                   {{"device", "empty"}},
                                   drive("data", "raw"),
                                   drive("pflash1", "raw"),
                                   drive("more", "qcow2")});
    ASSERT_EQ(drives.drives.size(), 2u);
    EXPECT_EQ(drives.drives[0].node, "#root");
    EXPECT_EQ(drives.drives[1].name, "more");
    EXPECT_EQ(drives.raw, std::vector<std::string>{"data"});
}

TEST(SnapshotDrivesTest, NonsenseIsNoDrive) {
    for (const char *text : {"null", "{}", "[]", "[1]", R"([{"device":"x","inserted":7}])"})
        EXPECT_TRUE(snapshot_drives(json::parse(text)).drives.empty()) << text;
    const auto odd = snapshot_drives(json::parse(
        R"([{"inserted":{"drv":"qcow2","image":{"snapshots":[7,{"name":3,"date-sec":-1}]}}}])"));
    ASSERT_EQ(odd.drives.size(), 1u);
    EXPECT_EQ(odd.drives[0].snapshots, std::vector<Snapshot>{Snapshot{}});
}

TEST(SnapshotDrivesTest, WhatAllDrivesHaveIsListed) {
    const auto drives =
        drives_of({drive("a", "qcow2", {snapshot("x", 0), snapshot("only-a", 9)}),
                   drive("b", "qcow2", {snapshot("only-b", 1), snapshot("x", 100)})});
    EXPECT_EQ(drives.common(), (std::vector<Snapshot>{{"x", 100, 7'000'005}}));
    EXPECT_TRUE(drives.any_has("only-b"));
    EXPECT_FALSE(drives.any_has("y"));
    EXPECT_TRUE(SnapshotDrives{}.common().empty());
}

TEST(SnapshotDrivesTest, SavingNamesEveryDrive) {
    const auto drives = drives_of({drive("a", "qcow2", {snapshot("x", 5)}), drive("b", "qcow2")});
    const auto job = save_job(drives, "vm", "y");
    ASSERT_TRUE(job) << job.error();
    EXPECT_EQ(job->arguments, json::parse(R"({"tag":"y","vmstate":"#a","devices":["#a","#b"]})"));
    EXPECT_EQ(fault(save_job(drives, "vm", "x")),
              "VM 'vm' has a snapshot 'x' already; delete it first");
    EXPECT_EQ(fault(save_job(drives_of({drive("cd", "raw")}), "vm", "x")),
              "Drive 'cd' of VM 'vm' is writable and raw, and a raw image can hold no snapshot: "
              "convert it with `qemu-img convert -O qcow2`, or set ReadOnly=yes or Ephemeral=yes "
              "in [Drive cd]");
    json hot = drive("", "raw");
    hot["inserted"]["node-name"] = "qemunit-hot-data";
    EXPECT_EQ(fault(save_job(drives_of({hot}), "vm", "x")),
              "Drive 'data', which was attached while VM 'vm' runs, is writable and raw, and a raw "
              "image can hold no snapshot: detach it first");
    EXPECT_EQ(fault(save_job({}, "vm", "x")),
              "VM 'vm' has no drive that could hold a snapshot: it needs a writable one with "
              "Format=qcow2");
}

TEST(SnapshotDrivesTest, LoadingNeedsItOnEveryDriveAndTheMachineOnOne) {
    const auto both = drives_of(
        {drive("a", "qcow2", {snapshot("x", 0)}), drive("b", "qcow2", {snapshot("x", 5)})});
    const auto job = load_job(both, "vm", "x");
    ASSERT_TRUE(job) << job.error();
    EXPECT_EQ(job->arguments["vmstate"], "#b");
    EXPECT_EQ(fault(load_job(both, "vm", "y")), "VM 'vm' has no snapshot 'y'; it has: x");
    EXPECT_EQ(fault(load_job({}, "vm", "y")), "VM 'vm' has no snapshot 'y', nor any other");
    const auto half = drives_of({drive("a", "qcow2", {snapshot("x", 5)}), drive("b", "qcow2")});
    EXPECT_EQ(fault(load_job(half, "vm", "x")),
              "Drive 'b' of VM 'vm' has no snapshot 'x', though another drive has: was it added "
              "since?");
    const auto disks = drives_of({drive("a", "qcow2", {snapshot("x", 0)})});
    EXPECT_EQ(fault(load_job(disks, "vm", "x")),
              "Snapshot 'x' of VM 'vm' holds disks but no machine: apply it with `qemu-img "
              "snapshot -a` while the VM is off");
    // What is left on one drive can be deleted.
    EXPECT_EQ(delete_job(half, "vm", "x")->arguments,
              json::parse(R"({"tag":"x","devices":["#a"]})"));
    EXPECT_EQ(fault(delete_job(half, "vm", "y")), "VM 'vm' has no snapshot 'y', nor any other");
}

TEST(SnapshotDrivesTest, TagsCannotBeMistaken) {
    for (const char *good : {"clean", "a", "2026-11-21", "1.0", "before_upgrade", "0x"})
        EXPECT_EQ(tag_fault(good), "") << good;
    for (const char *bad :
         {"", "7", "0123", "a b", "a\n", "-a", ".a", "_a", "a/b", "a;b", "\"a\"", "\xc3\xa4"})
        EXPECT_NE(tag_fault(bad), "") << bad;
    EXPECT_EQ(tag_fault(std::string(129, 'a')), "The tag is longer than 128 bytes");
}

}  // namespace
}  // namespace qemunit::bus
