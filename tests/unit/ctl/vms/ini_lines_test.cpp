// SPDX-License-Identifier: MIT
#include "ctl/vms/ini_lines.h"

#include <gtest/gtest.h>

#include "ctl/vms/vm_places.h"

namespace qemunit::ctl {
namespace {

constexpr char kText[] =
    "# of mine\n\n[VM]\n Memory = 1G  \n; UUID=no\nUUID=a\n\n[Network lan]\r\nMAC=x\r\n# last";

TEST(IniLinesTest, NothingIsLost) {
    for (const std::string text : {kText, "", "\n", "a", "a=b\n", "[x\n=\n"})
        EXPECT_EQ(joined(ini_lines(text)), text);
}

TEST(IniLinesTest, AnAssignmentIsReadAsTheGeneratorReadsIt) {
    const auto lines = ini_lines(kText);
    EXPECT_EQ(lines[3].section, "VM");
    EXPECT_EQ(lines[3].key, "Memory");
    EXPECT_EQ(lines[3].value, "1G");
    EXPECT_EQ(lines[4].key, "");
    EXPECT_EQ(lines[8].section, "Network lan");
    EXPECT_EQ(lines[8].value, "x");
}

TEST(IniLinesTest, OnlyTheValueIsAnother) {
    auto lines = ini_lines(kText);
    set_value(lines[3], "2G");
    set_value(lines[8], "y");
    add_key(lines, "VM", "CPUs", "2");
    drop_key(lines, "VM", "UUID");
    add_key(lines, "Network lan", "Link", "no");
    EXPECT_EQ(joined(lines),
              "# of mine\n\n[VM]\n Memory = 2G\n; UUID=no\nCPUs=2\n\n[Network lan]\r\nMAC=y\r\n"
              "Link=no\r\n# last");
}

TEST(IniLinesTest, DrivesAreOfTheFileAndItsDropIns) {
    const auto drives =
        named_drives({"[Drive root]\nFile=root.img\n[Drive cd]\nFile=/srv/a b.iso\n"
                      "Media=cdrom\nBackingFile=x\n[VM]\nFile=no\n",
                      "[Drive root]\nReadOnly=yes\n"});
    ASSERT_EQ(drives.size(), 2u);
    EXPECT_EQ(drives[0].file, "root.img");
    EXPECT_FALSE(drives[0].is_written());
    EXPECT_EQ(drives[1].file, "/srv/a b.iso");
    EXPECT_EQ(drives[1].backing_file, "x");
    EXPECT_FALSE(drives[1].is_written());
}

TEST(IniLinesTest, WhateverMayBeAPathIsOne) {
    EXPECT_EQ(possible_paths("[Drive root]\nFile=a b.img\n[VM]\nArguments=-drive "
                             "\"file=/srv/x.img,if=none\" -kernel /boot/k\n# File=/no\n"
                             "[Service]\nBindPaths=/a:/b\n"),
              (std::vector<std::string>{"a b.img", "/srv/x.img", "/boot/k", "/a", "/b"}));
}

TEST(VmPlacesTest, AUnitIsOfTheVmInItsName) {
    for (const char *unit : {"qemu@vm1.service", "qemu-serial@vm1.socket",
                             "qemu-snapshot@vm1.timer", "qemu-usernet@vm1:lan.service"})
        EXPECT_TRUE(is_unit_of(unit, "vm1")) << unit;
    for (const char *unit :
         {"qemu@vm1.service.d", "qemu@vm12.service", "qemu@vm.service", "qemu@vm1.a.service",
          "other@vm1.service", "qemu@.service", "qemu.service", "qemu@vm1", "my-qemu@vm1.service"})
        EXPECT_FALSE(is_unit_of(unit, "vm1")) << unit;
    EXPECT_TRUE(is_unit_of("qemu@vm1.a.service", "vm1.a"));
}

}  // namespace
}  // namespace qemunit::ctl
