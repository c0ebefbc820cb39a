// SPDX-License-Identifier: MIT
//
// What a VM's units wait for, and do not start without: the mounts below which its files are.
#include "generator/units/mounts.h"

#include <gtest/gtest.h>

#include "generator/units/render.h"
#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

// RequiresMountsFor= in the drop-in of each unit, "UNIT: PATHS".
testing::Texts mounts(const Vm &vm) {
    testing::Texts found;
    for (const OutputFile &file : render(vm, Architecture::x86_64).files) {
        const std::string key = "\nRequiresMountsFor=";
        const std::size_t begin = file.content.find(key);
        if (begin == file.content.npos)
            continue;
        const std::size_t end = file.content.find('\n', begin + 1);
        found.push_back(file.path.substr(0, file.path.find(".d/")) + ": " +
                        file.content.substr(begin + key.size(), end - begin - key.size()));
    }
    return found;
}

using testing::Texts;
using testing::vm_of;

TEST(MountsTest, EveryPathInEveryUnitThatOpensIt) {
    EXPECT_EQ(
        mounts(vm_of("[VM]\nQEMU=/opt/qemu/bin/qemu-system-x86_64\n"
                     "[Boot]\nKernel=/boot/vmlinuz\nInitrd=/boot/initrd.img\n"
                     "[Drive a]\nFile=/mnt/a/a.qcow2\nSize=1G\nBackingFile=/mnt/base/b.img\n"
                     "[Drive b]\nFile=/mnt/b.iso\nMedia=cdrom\n"
                     "[Share s]\nPath=/srv/s\nType=virtiofs\n[Share t]\nPath=/srv/t\n"
                     "[Credential c]\nFile=/etc/c\n")),
        (Texts{"qemu@vm1.service: /opt/qemu/bin/qemu-system-x86_64 /boot/vmlinuz /boot/initrd.img "
               "/mnt/a/a.qcow2 /mnt/base/b.img /mnt/b.iso /srv/s /srv/t /etc/c",
               "qemu-image@vm1.service: /mnt/a/a.qcow2 /mnt/base/b.img",
               "qemu-credential@vm1.service: /etc/c", "qemu-virtiofs@vm1:s.service: /srv/s"}));
}

// StateDirectory= does that, where a unit has it; and there is no mount unit for what the kernel
// has.
TEST(MountsTest, NotOfTheStateDirectoryAndOfDevices) {
    EXPECT_EQ(mounts(vm_of("[Drive a]\nFile=a.qcow2\nSize=1G\n[Drive b]\nFile=/dev/vg/b\n"
                           "[Drive c]\nFile=/var/lib/qemunit/vm1/c.img\n"
                           "[Credential c]\nFile=c.txt\n")),
              Texts{"qemu-credential@vm1.service: /var/lib/qemunit/vm1/c.txt"});
    EXPECT_EQ(mounts(vm_of("[Drive a]\nFile=disks/a.qcow2\nSize=1G\n[Drive b]\nFile=/devices/b\n"
                           "[Drive c]\nFile=/var/lib/qemunit/vm2/c.img\n")),
              (Texts{"qemu@vm1.service: /var/lib/qemunit/vm1/disks/a.qcow2 /devices/b "
                     "/var/lib/qemunit/vm2/c.img",
                     "qemu-image@vm1.service: /var/lib/qemunit/vm1/disks/a.qcow2"}));
}

TEST(MountsTest, OfAUser) {
    EXPECT_EQ(mounts(testing::from_ini_of_joe("[Drive a]\nFile=/mnt/a.img\nSize=1G\n"
                                              "[Drive b]\nFile=disks/b.img\n")
                         .vm),
              (Texts{"qemu@vm1.service: /mnt/a.img %S/qemunit/vm1/disks/b.img",
                     "qemu-image@vm1.service: /mnt/a.img"}));
}

// Each once, and with the characters that mean something to systemd.
TEST(MountsTest, TheLineItself) {
    const Vm vm = vm_of("[VM]\n");
    EXPECT_EQ(required_mounts(vm, {}), "");
    EXPECT_EQ(required_mounts(vm, {"/a/b", "/a/b", "/proc/self/fd/3", "/sys"}),
              "RequiresMountsFor=/a/b\n");
    EXPECT_EQ(required_mounts(vm, {"/my disks/100%/it's", "/$HOME/a\"b", "/a\\b"}),
              "RequiresMountsFor=\"/my disks/100%%/it's\" \"/$HOME/a\"'\"'\"b\" \"/a\\\\b\"\n");
}

// What the ini has in [Unit] comes after it, and adds to it.
TEST(MountsTest, OwnOnesStay) {
    const std::string text =
        render(vm_of("[Drive a]\nFile=/mnt/a.img\n[Unit]\nRequiresMountsFor=/srv\n"),
               Architecture::x86_64)
            .files.front()
            .content;
    EXPECT_NE(text.find("RequiresMountsFor=/mnt/a.img\nRequiresMountsFor=/srv\n"), text.npos)
        << text;
}

}  // namespace
}  // namespace qemunit::generator
