// SPDX-License-Identifier: MIT
#include "helper/lifecycle/hardware.h"

#include <gtest/gtest.h>

namespace qemunit::helper {
namespace {

using nlohmann::json;

// As QEMU 7.2 answers for a virtio disk, a CD drive and a card without an id.
const json kBlock = json::parse(R"([
    {"device":"","qdev":"/machine/peripheral/root/virtio-backend","removable":false,
     "inserted":{"file":"/srv/root.qcow2","node-name":"root"}},
    {"device":"","qdev":"cd","removable":true,"tray_open":false,
     "inserted":{"file":"/srv/one.iso","node-name":"cd"}}])");
const json kWithId = json::parse(
    R"([{"name":"type","type":"string"},{"name":"root","type":"child<virtio-blk-pci>"},
        {"name":"cd","type":"child<ide-cd>"}])");
const json kWithoutId = json::parse(
    R"([{"name":"type","type":"string"},{"name":"device[0]","type":"child<virtio-rng-pci>"}])");

Hardware at_start() {
    return hardware_of(kBlock, json::array(), kWithId, kWithoutId);
}

TEST(Hardware, IsWhatQemuAnswers) {
    const Hardware hardware = at_start();
    EXPECT_EQ(hardware.devices,
              (std::set<std::string>{"root", "cd", "device[0] child<virtio-rng-pci>"}));
    EXPECT_EQ(hardware.media.at("root"), (Hardware::Medium{"/srv/root.qcow2", false}));
    EXPECT_EQ(hardware.media.at("cd"), (Hardware::Medium{"/srv/one.iso", true}));
}

TEST(Hardware, AnImageThatCameByADescriptorHasItsName) {
    json block = kBlock;
    block[1]["inserted"]["file"] = "/dev/fdset/3";
    const json sets = json::parse(
        R"([{"fdset-id":2,"fds":[{"fd":9,"opaque":"qemunit-medium:cd:/srv/two.iso"}]},
            {"fdset-id":3,"fds":[{"fd":10,"opaque":"qemunit-medium:cd:/srv/one.iso"}]}])");
    const Hardware now = hardware_of(block, sets, kWithId, kWithoutId);
    EXPECT_EQ(now.media.at("cd").file, "/srv/one.iso");
    EXPECT_EQ(difference_since_start(at_start(), now), "");
    // Of a layer, QEMU describes all that it has been told of the files below.
    block[1]["inserted"]["file"] =
        R"(json:{"backing": {"driver": "raw", "file": {"driver": "file", "filename": "/dev/fdset/2"}}, )"
        R"("driver": "qcow2", "file": {"driver": "file", "filename": "/dev/fdset/3"}})";
    EXPECT_EQ(hardware_of(block, sets, kWithId, kWithoutId), now);
    block[1]["inserted"]["file"] = "json:{";
    EXPECT_EQ(hardware_of(block, sets, kWithId, kWithoutId).media.at("cd").file, "json:{");
}

TEST(Hardware, SurvivesAsText) {
    EXPECT_EQ(parse_hardware(hardware_text(at_start())), at_start());
    for (const char *text : {"", "1", "{}", R"({"devices":[1],"media":{}})",
                             R"({"devices":[],"media":{"cd":{"file":"x"}}})"})
        EXPECT_EQ(parse_hardware(text), std::nullopt) << text;
}

TEST(Hardware, IsNoOtherThanItWas) {
    EXPECT_EQ(difference_since_start(at_start(), at_start()), "");
    EXPECT_EQ(difference_since_save(at_start(), at_start()), "");
}

TEST(Hardware, WithAnotherDeviceIsAnother) {
    Hardware now = at_start();
    now.devices.insert("qemunit-hot-data");
    EXPECT_EQ(difference_since_start(at_start(), now),
              "the drive 'data' was plugged in since the VM was started");
    now = at_start();
    now.devices.insert("stick");
    EXPECT_EQ(difference_since_save(at_start(), now),
              "the device 'stick' was plugged in since the state was saved");
    now = at_start();
    now.devices.erase("cd");
    EXPECT_EQ(difference_since_start(at_start(), now),
              "the device 'cd' was unplugged since the VM was started");
}

TEST(Hardware, WithAnotherImageIsAnother) {
    Hardware now = at_start();
    now.media["cd"].file = "/srv/two.iso";
    EXPECT_EQ(difference_since_start(at_start(), now),
              "the drive 'cd' was changed from /srv/one.iso to /srv/two.iso since the VM was "
              "started");
    // After blockdev-snapshot-sync, say.
    now = at_start();
    now.media["root"].file = "/srv/overlay.qcow2";
    EXPECT_EQ(difference_since_start(at_start(), now),
              "the drive 'root' was changed from /srv/root.qcow2 to /srv/overlay.qcow2 since the "
              "VM was started");
    EXPECT_NE(difference_since_save(at_start(), now), "");
}

TEST(Hardware, AMediumThatWasTakenOutIsTakenOutAgain) {
    Hardware now = at_start();
    now.media["cd"].file = "";
    EXPECT_EQ(difference_since_start(at_start(), now), "");
    EXPECT_EQ(difference_since_save(now, at_start()), "");
    EXPECT_EQ(emptied_drives(now, at_start()), std::set<std::string>{"cd"});
    EXPECT_TRUE(emptied_drives(at_start(), at_start()).empty());
    // The state was saved with a medium that the ini does not name any more.
    EXPECT_EQ(difference_since_save(at_start(), now),
              "the drive 'cd' was changed from /srv/one.iso to no image since the state was saved");
    now.media["root"].file = "";
    EXPECT_NE(difference_since_start(at_start(), now), "");
}

TEST(Hardware, AMediumThatWasPutInIsAnother) {
    Hardware then = at_start();
    then.media["cd"].file = "";
    EXPECT_EQ(difference_since_start(then, at_start()),
              "the drive 'cd' was changed from no image to /srv/one.iso since the VM was started");
}

}  // namespace
}  // namespace qemunit::helper
