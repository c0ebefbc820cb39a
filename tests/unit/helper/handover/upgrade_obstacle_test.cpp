// SPDX-License-Identifier: MIT
#include "helper/handover/upgrade_obstacle.h"

#include <gtest/gtest.h>

namespace qemunit::helper {
namespace {

using Words = std::vector<std::string>;

HelperOptions options_with(Words more, Words before = {}) {
    Words words{"--vm=vm1", "--serial=serial"};
    words.insert(words.end(), before.begin(), before.end());
    words.insert(words.end(), {"/usr/bin/qemu-system-x86_64", "-name", "guest=vm1", "-nodefaults",
                               "-machine", "q35,graphics=off", "-m", "1G", "-display", "none"});
    words.insert(words.end(), more.begin(), more.end());
    auto options = parse_helper_options(words);
    EXPECT_TRUE(options) << options.error().message;
    return *options;
}

TEST(UpgradeObstacleTest, WhatWasSeenToGoOn) {
    EXPECT_EQ(upgrade_obstacle(options_with({})), "");
    EXPECT_EQ(upgrade_obstacle(options_with(
                  {"-drive", "if=none,id=root,file.filename=/dev/fdset/1,format=qcow2", "-device",
                   "virtio-blk-pci,drive=root,id=root", "-netdev", "stream,id=lan,server=off",
                   "-device", "virtio-net-pci,netdev=lan,id=lan", "-object", "rng-builtin,id=r",
                   "-device", "virtio-rng-pci,rng=r", "-serial", "chardev:serial"})),
              "");
}

TEST(UpgradeObstacleTest, AllElseIsNamed) {
    for (const auto &[words, named] :
         {std::pair(Words{"-device", "ide-cd,drive=cd,id=cd"}, "the device ide-cd 'cd'"),
          std::pair(Words{"-device", "vfio-pci,host=0000:01:00.0"}, "the device vfio-pci"),
          std::pair(Words{"-netdev", "tap,id=lan,fd=3"}, "the network tap 'lan'"),
          std::pair(Words{"-vnc", "unix:/run/vnc"}, "QEMU's option -vnc unix:/run/vnc"),
          std::pair(Words{"-chardev", "socket,id=tpm,path=/x"}, "QEMU's chardev socket 'tpm'"),
          std::pair(Words{"-object", "secret,id=s,data=x"}, "QEMU's object secret 's'"),
          std::pair(Words{"-object", "memory-backend-ram,id=memory,size=1G,share=off"},
                    "[Memory] without Shared=yes"),
          std::pair(Words{"-drive", "if=pflash,format=raw,file=/x"}, "the drive if=pflash"),
          std::pair(Words{"-drive", "if=none,id=t,file.filename=/dev/fdset/1,snapshot=on"},
                    "the drive 't'"),
          std::pair(Words{"-drive", "if=none,id=t,file.filename=/dev/fd/1"}, "the drive 't'"),
          std::pair(Words{"-snapshot"}, "QEMU's option -snapshot"),
          std::pair(Words{"disk.img", "-x"}, "QEMU's option disk.img")})
        EXPECT_EQ(upgrade_obstacle(options_with(words)), named);
}

TEST(UpgradeObstacleTest, KeysOfTheIni) {
    for (const auto &[option, named] :
         {std::pair("--channel=events", "[Channel events]"),
          std::pair("--serial=debug,direct", "Direct=yes of [Serial debug]"),
          std::pair("--uefi-variables=/x", "Firmware=uefi"),
          std::pair("--unplugged=lan", "Link=no of [Network lan]"),
          std::pair("--not-saved=it has a TPM", "it has a TPM")})
        EXPECT_EQ(upgrade_obstacle(options_with({}, {option})), named);
    HelperOptions other = options_with({});
    other.qemu[5] = "microvm";
    EXPECT_EQ(upgrade_obstacle(other), "another machine than q35 and pc");
}

}  // namespace
}  // namespace qemunit::helper
