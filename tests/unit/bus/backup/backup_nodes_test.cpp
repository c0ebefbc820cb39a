// SPDX-License-Identifier: MIT
#include "bus/backup/backup_nodes.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace qemunit::bus {
namespace {

using nlohmann::json;

BackupRecord record(const char *since = "") {
    return {.disk = {.name = "root",
                     .node = "qemunit-image-root",
                     .device = "/machine/peripheral/root/virtio-backend",
                     .format = "qcow2",
                     .size = 1 << 20,
                     .keeps_checkpoints = true},
            .index = 1,
            .checkpoint = "new",
            .since = since,
            .caller = ":1.5",
            .fd_set = {}};
}

json fd_sets(const std::string &opaque) {
    return {{{"fdset-id", 3}, {"fds", {{{"fd", 9}, {"opaque", opaque}}}}}};
}

TEST(BackupNodesTest, ARecordComesBackFromQemu) {
    const json nodes{{{"node-name", "qemunit-backup-1-file"}}};
    const auto records = backup_records(fd_sets(record_text(record("old"))), nodes);
    ASSERT_EQ(records.live.size(), 1u);
    EXPECT_TRUE(records.left.empty());
    const BackupRecord &its = records.live[0];
    EXPECT_EQ(its.disk.name, "root");
    EXPECT_EQ(its.disk.node, "qemunit-image-root");
    EXPECT_EQ(its.disk.device, "/machine/peripheral/root/virtio-backend");
    EXPECT_EQ(its.disk.format, "qcow2");
    EXPECT_EQ(its.disk.size, 1u << 20);
    EXPECT_EQ(its.checkpoint, "new");
    EXPECT_EQ(its.since, "old");
    EXPECT_EQ(its.caller, ":1.5");
    EXPECT_EQ(its.fd_set, 3);
    // QEMU forgets it late.
    const auto later = backup_records(fd_sets(record_text(record())), json::array());
    EXPECT_TRUE(later.live.empty());
    EXPECT_EQ(later.left.size(), 1u);
}

TEST(BackupNodesTest, WhatIsNoRecordIsNone) {
    for (const char *opaque : {"", "qemunit-drive:root", "qemunit-backup ", "qemunit-backup []",
                               "qemunit-backup {\"size\":\"x\",\"index\":-1,\"variables\":7}"}) {
        const auto records = backup_records(fd_sets(opaque), nullptr);
        EXPECT_TRUE(records.live.empty()) << opaque;
    }
    EXPECT_TRUE(backup_records(nullptr, nullptr).left.empty());
    EXPECT_TRUE(backup_records({1, {{"fds", 2}}, {{"fds", {3}}}}, nullptr).left.empty());
}

TEST(BackupNodesTest, TheMomentIsOneTransaction) {
    const QmpCommands commands = moment_commands({record("old")});
    ASSERT_EQ(commands.size(), 3u);
    EXPECT_EQ(commands[0].name, "transaction");
    const json &actions = commands[0].arguments["actions"];
    ASSERT_EQ(actions.size(), 3u);
    EXPECT_EQ(actions[0]["data"]["name"], "qemunit-checkpoint-new");
    EXPECT_EQ(actions[0]["data"]["persistent"], true);
    EXPECT_EQ(actions[2]["data"]["bitmaps"], json::array({"qemunit-checkpoint-old"}));
    EXPECT_EQ(commands[1].arguments["on-cbw-error"], "break-snapshot");
    EXPECT_EQ(commands[2].arguments["value"], "qemunit-backup-1-filter");
}

bool forgets(const QmpCommands &commands, const std::string &checkpoint) {
    return std::ranges::any_of(commands, [&](const QmpCommand &command) {
        return command.name == "block-dirty-bitmap-remove" &&
               command.arguments["name"] == checkpoint_bitmap(checkpoint);
    });
}

TEST(BackupNodesTest, OneCheckpointTakesThePlaceOfTheOther) {
    EXPECT_TRUE(forgets(end_commands({record("old")}, {}, /*is_kept=*/true), "old"));
    EXPECT_FALSE(forgets(end_commands({record("old")}, {}, /*is_kept=*/true), "new"));
    EXPECT_FALSE(forgets(end_commands({record("old")}, {}, /*is_kept=*/false), "old"));
    EXPECT_TRUE(forgets(end_commands({record("old")}, {}, /*is_kept=*/false), "new"));
}

TEST(BackupNodesTest, OldCheckpointsMakeRoom) {
    BackupDisk disk{.name = "root", .node = "n", .broken = {"bad"}};
    for (char c = 'a'; c <= 'j'; ++c)
        disk.checkpoints.emplace_back(1, c);
    const QmpCommands commands = surplus_commands({disk}, "b");
    EXPECT_TRUE(forgets(commands, "bad"));
    EXPECT_TRUE(forgets(commands, "a"));
    EXPECT_FALSE(forgets(commands, "b"));
    EXPECT_TRUE(forgets(commands, "c"));
    EXPECT_FALSE(forgets(commands, "d"));
}

}  // namespace
}  // namespace qemunit::bus
