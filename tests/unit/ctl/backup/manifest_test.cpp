// SPDX-License-Identifier: MIT
#include "ctl/backup/manifest.h"

#include <gtest/gtest.h>

#include "ctl/backup/disk_transfer.h"
#include "ctl/backup/store.h"

namespace qemunit::ctl {
namespace {

const std::string kSum(64, 'a');

Manifest some_manifest() {
    return {.vm = "vm1",
            .checkpoint = "2",
            .since = "1",
            .since_sha256 = kSum,
            .state = "frozen",
            .disks = {{"root", "raw", 1 << 20, {"root.qcow2", 5, kSum}}},
            .files = {{"vm.ini", 3, kSum}, {"tpm/tpm2-00.permall", 4, kSum}}};
}

TEST(ManifestTest, ComesBackAsItWas) {
    const auto manifest = parse_manifest(manifest_text(some_manifest()));
    ASSERT_TRUE(manifest) << manifest.error().message;
    EXPECT_EQ(manifest->vm, "vm1");
    EXPECT_EQ(manifest->since, "1");
    ASSERT_EQ(manifest->disks.size(), 1u);
    EXPECT_EQ(manifest->disks[0].format, "raw");
    EXPECT_EQ(manifest->disks[0].size, 1u << 20);
    EXPECT_EQ(manifest->disks[0].file.sha256, kSum);
    ASSERT_EQ(manifest->files.size(), 2u);
    EXPECT_EQ(manifest->files[1].name, "tpm/tpm2-00.permall");
    EXPECT_EQ(manifest_text(*manifest), manifest_text(some_manifest()));
}

TEST(ManifestTest, NamesLeadNowhereElse) {
    for (const char *name : {"", "../root.qcow2", "/etc/shadow", "a/../b", "a/b/c", ".hidden",
                             "tpm/", "/", "manifest.json"}) {
        Manifest manifest = some_manifest();
        manifest.disks[0].file.name = name;
        EXPECT_FALSE(parse_manifest(manifest_text(manifest))) << name;
    }
    Manifest manifest = some_manifest();
    manifest.since = "../1";
    EXPECT_FALSE(parse_manifest(manifest_text(manifest)));
    manifest = some_manifest();
    manifest.disks[0].format = "vvfat";
    EXPECT_FALSE(parse_manifest(manifest_text(manifest)));
    manifest = some_manifest();
    manifest.files[0].sha256 = "12";
    EXPECT_EQ(parse_manifest(manifest_text(manifest)).error().message,
              "the sum of 'vm.ini' is none");
}

TEST(ManifestTest, WhatIsNoManifestIsRefused) {
    for (const char *text : {"", "[]", "{}", "{\"version\":2}", "{\"version\":1}",
                             "{\"version\":1,\"vm\":\"a\",\"checkpoint\":\"b\",\"disks\":[3]}",
                             "{\"version\":1,\"vm\":\"a\",\"checkpoint\":\"b\",\"files\":[{}]}"})
        EXPECT_FALSE(parse_manifest(text)) << text;
}

StoredBackup stored(const std::string &name, const std::string &since) {
    StoredBackup backup{.name = name, .manifest = some_manifest(), .sha256 = kSum, .fault = {}};
    backup.manifest.checkpoint = name;
    backup.manifest.since = since;
    return backup;
}

TEST(SurplusBackupsTest, WhatOthersAreMadeOnStays) {
    const std::vector<StoredBackup> backups{stored("1", ""), stored("2", "1"), stored("3", "2"),
                                            stored("4", ""), stored("5", "4")};
    EXPECT_EQ(surplus_backups(backups, 2).names, (std::vector<std::string>{"3", "2", "1"}));
    EXPECT_EQ(surplus_backups(backups, 3).names, std::vector<std::string>{});
    EXPECT_EQ(surplus_backups(backups, 9).names, std::vector<std::string>{});
    EXPECT_EQ(surplus_backups(backups, 2).why_older_stay, "");
}

StoredBackup unreadable(const std::string &name) {
    return {.name = name, .manifest = {}, .sha256 = {}, .fault = name + " is torn"};
}

// The next time, it may be readable again.
TEST(SurplusBackupsTest, WhatOneThatCannotBeReadMayBeMadeOnStays) {
    const std::vector<StoredBackup> backups{stored("0", ""), stored("1", ""),  stored("2", "1"),
                                            unreadable("3"), stored("4", "3"), stored("5", "4"),
                                            stored("6", "")};
    const SurplusBackups surplus = surplus_backups(backups, 3);
    EXPECT_EQ(surplus.names, std::vector<std::string>{});
    EXPECT_EQ(surplus.why_older_stay, "3 is torn");
    EXPECT_EQ(surplus_backups(backups, 1).names,
              (std::vector<std::string>{"5", "4", "2", "1", "0"}))
        << "none that is kept is made on it";
}

TEST(SurplusBackupsTest, OneThatCannotBeReadIsNoneOfThoseToKeep) {
    const std::vector<StoredBackup> backups{stored("1", ""), stored("2", ""), unreadable("3"),
                                            unreadable("4")};
    EXPECT_EQ(surplus_backups(backups, 2).names, std::vector<std::string>{});
    EXPECT_EQ(surplus_backups(backups, 1).names, std::vector<std::string>{"1"});
}

TEST(SurplusBackupsTest, OlderOnesStayIfOneInBetweenIsAway) {
    const std::vector<StoredBackup> backups{stored("1", ""), stored("3", "2"), stored("4", "3")};
    const SurplusBackups surplus = surplus_backups(backups, 1);
    EXPECT_EQ(surplus.names, std::vector<std::string>{});
    EXPECT_EQ(surplus.why_older_stay, "3 is made on 2, which is not there");
}

TEST(ChangedExtentTest, IsWhatLooksLikeAHole) {
    Extent extent;
    EXPECT_TRUE(read_changed_extent(
        R"({ "start": 1048576, "length": 65536, "depth": 0, "present": false, "zero": false, "data": false},)",
        extent));
    EXPECT_EQ(extent.start, 1048576u);
    EXPECT_EQ(extent.length, 65536u);
    EXPECT_FALSE(read_changed_extent(
        R"([{ "start": 0, "length": 1048576, "depth": 0, "present": true, "zero": false, "data": true, "offset": 0},)",
        extent));
    for (const char *line : {"", "]", "}{", "{}", "{\"start\":-1,\"length\":1,\"data\":false}"})
        EXPECT_FALSE(read_changed_extent(line, extent)) << line;
}

}  // namespace
}  // namespace qemunit::ctl
