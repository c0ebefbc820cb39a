// SPDX-License-Identifier: MIT
//
// Drives that no machine could have, in the exact words of each message.
#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using testing::error;
using testing::said;
using testing::Texts;

std::string drives(int count, const std::string &interface) {
    std::string ini;
    for (int i = 0; i < count; ++i)
        ini += "[Drive d" + std::to_string(i) + "]\nFile=/a\nInterface=" + interface + "\n";
    return ini;
}

TEST(DriveContradictionsTest, ADiskIsAFile) {
    EXPECT_EQ(said("[VM]\n[Drive root]\nReadOnly=yes\n"),
              error(2, "Section [Drive root] has no File=: which image is it?"));
    EXPECT_EQ(said("[Drive root]\nFile=/a\nFile=\n"),
              error(1, "Section [Drive root] has no File=: which image is it?"));
    EXPECT_EQ(said("[Drive cd]\nMedia=cdrom\n"), Texts{});
}

TEST(DriveContradictionsTest, ALayerIsBelowSomething) {
    EXPECT_EQ(said("[Drive d]\nFile=/a.qcow2\nBackingLayer=/b\n"),
              error(3, "BackingLayer= is below BackingFile=, which is missing."));
    EXPECT_EQ(said("[Drive d]\nFile=/a.qcow2\nBackingFile=/b\nBackingLayer=/c\nBackingLayer=/d\n"),
              Texts{});
}

TEST(DriveContradictionsTest, ACdromSitsOnABusThatHasThem) {
    for (const char *interface : {"virtio", "nvme", "floppy"})
        EXPECT_EQ(said("[Drive cd]\nMedia=cdrom\nInterface=" + std::string(interface) + "\n"),
                  error(2,
                        "Media=cdrom needs Interface=ide, sata, scsi or usb; without Interface= "
                        "one is chosen."));
    for (const char *interface : {"ide", "sata", "scsi", "usb"})
        EXPECT_EQ(said("[Drive cd]\nMedia=cdrom\nInterface=" + std::string(interface) + "\n"),
                  Texts{});
}

TEST(DriveContradictionsTest, AnIdeDiskIsAlwaysWritable) {
    for (const std::string interface : {"ide", "sata"})
        EXPECT_EQ(said("[Drive d]\nFile=/a\nReadOnly=yes\nInterface=" + interface + "\n"),
                  error(3, "ReadOnly=yes: a disk with Interface=" + interface +
                               " is always writable; choose another interface, or "
                               "Ephemeral=yes."));
    EXPECT_EQ(said("[Drive d]\nFile=/a\nReadOnly=yes\nInterface=ide\nMedia=cdrom\n"), Texts{});
    EXPECT_EQ(said("[Drive d]\nFile=/a\nReadOnly=yes\n"), Texts{});
}

TEST(DriveContradictionsTest, AnInterfaceNeedsItsBus) {
    const auto on = [](const std::string &machine, const std::string &interface) {
        return said("[VM]\n" + machine + "\n[Drive a]\nFile=/a\nInterface=" + interface + "\n");
    };
    for (const char *interface : {"nvme", "usb", "sata"})
        EXPECT_EQ(on("Machine=microvm", interface),
                  error(5, "Interface=" + std::string(interface) +
                               ": the machine 'microvm' has no PCI bus."));
    EXPECT_EQ(on("Machine=microvm", "ide"),
              error(5, "Interface=ide: the machine 'microvm' has no IDE controller."));
    EXPECT_EQ(on("Machine=microvm", "floppy"),
              error(5, "Interface=floppy: the machine 'microvm' has no ISA bus."));
    EXPECT_EQ(on("Architecture=aarch64", "ide"),
              error(5, "Interface=ide: the machine 'virt' has no IDE controller."));
    EXPECT_EQ(on("Architecture=riscv64", "floppy"),
              error(5, "Interface=floppy: the machine 'virt' has no ISA bus."));
    for (const char *interface : {"virtio", "scsi"})
        EXPECT_EQ(on("Machine=microvm", interface), Texts{});
    for (const char *interface : {"virtio", "scsi", "nvme", "usb", "sata"})
        EXPECT_EQ(on("Architecture=arm", interface), Texts{});
    for (const char *machine : {"Machine=q35", "Machine=pc", "Machine=pc-i440fx-7.2"})
        for (const char *interface : {"virtio", "scsi", "nvme", "usb", "sata", "ide", "floppy"})
            EXPECT_EQ(on(machine, interface), Texts{}) << machine << interface;
}

TEST(DriveContradictionsTest, ControllersHaveSoMuchRoom) {
    EXPECT_EQ(said(drives(6, "ide")), Texts{});
    EXPECT_EQ(said(drives(7, "ide")),
              error(21, "Interface=ide: the machine 'q35' has no room for more than 6 drives."));
    EXPECT_EQ(said("[VM]\nMachine=pc\n" + drives(4, "ide")), Texts{});
    EXPECT_EQ(said("[VM]\nMachine=pc\n" + drives(5, "ide")),
              error(17, "Interface=ide: the machine 'pc' has no room for more than 4 drives."));
    EXPECT_EQ(said(drives(6, "sata")), Texts{});
    EXPECT_EQ(said(drives(7, "sata")),
              error(21, "Interface=sata: the machine 'q35' has no more than 6 ports."));
}

TEST(DriveContradictionsTest, OnQ35BothKindsShareThePorts) {
    EXPECT_EQ(said(drives(6, "sata") + "[Drive cd]\nMedia=cdrom\n"),
              error(19, "Interface=ide: the machine 'q35' has no room for more than 6 drives."));
}

TEST(DriveContradictionsTest, AnAddedSataControllerHasSixPortsToo) {
    EXPECT_EQ(said("[VM]\nMachine=pc\n" + drives(6, "sata") + "[Drive cd]\nMedia=cdrom\n"),
              Texts{});
    EXPECT_EQ(said("[VM]\nMachine=pc\n" + drives(7, "sata")),
              error(23, "Interface=sata: the machine 'pc' has no more than 6 ports."));
}

TEST(DriveContradictionsTest, AnImageIsMadeWhereThereCanBeOne) {
    EXPECT_EQ(said("[Drive d]\nFile=/dev/vg/a\nSize=1G\n"),
              error(3, "Size=: a device in /dev cannot be made."));
    EXPECT_EQ(said("[Drive d]\nFile=/dev/a.qcow2\nBackingFile=/b\n"),
              error(3, "BackingFile=: a device in /dev cannot be made."));
    EXPECT_EQ(said("[Drive d]\nFile=/a\\\nSize=1G\n"),
              error(2, "The image's name must not end with a backslash."));
    EXPECT_EQ(said("[Drive d]\nFile=/a.img\nBackingFile=/b\n"),
              error(3,
                    "BackingFile= needs Format=qcow2, or a File= that ends with .qcow2; this "
                    "image is raw."));
    EXPECT_EQ(said("[Drive d]\nFile=/a.qcow2\nFormat=vmdk\nBackingFile=/b\nSize=1G\n"),
              error(4,
                    "BackingFile= needs Format=qcow2, or a File= that ends with .qcow2; this "
                    "image is vmdk."));
    for (const char *good :
         {"File=/a.img\nSize=1G", "File=/a.qcow2\nBackingFile=/dev/vg/b",
          "File=/a\nFormat=qcow2\nSize=1G\nBackingFile=b", "File=/a\\\\\nSize=1G"})
        EXPECT_EQ(said("[Drive d]\n" + std::string(good) + "\n"), Texts{}) << good;
}

TEST(DriveContradictionsTest, AnEmptyMediumIsForWriting) {
    EXPECT_EQ(said("[Drive d]\nFile=/a\nSize=1G\nReadOnly=yes\n"),
              error(3, "Size=: an empty medium that the guest cannot write is of no use."));
    EXPECT_EQ(said("[Drive d]\nFile=/a.qcow2\nBackingFile=/b\nMedia=cdrom\n"),
              error(3, "BackingFile=: an empty medium that the guest cannot write is of no use."));
    EXPECT_EQ(said("[Drive d]\nMedia=cdrom\nSize=1G\n"),
              (Texts{"error: vm1.ini:3: Size= needs File=.",
                     "error: vm1.ini:3: Size=: an empty medium that the guest cannot write is of "
                     "no use."}));
}

TEST(DriveContradictionsTest, NativeAioGoesAroundThePageCache) {
    for (const char *cache : {"", "Cache=writeback\n", "Cache=writethrough\n", "Cache=unsafe\n"})
        EXPECT_EQ(said("[Drive d]\nFile=/a\nAIO=native\n" + std::string(cache)),
                  error(3, "AIO=native needs Cache=none or Cache=directsync."));
    for (const char *cache : {"none", "directsync"})
        EXPECT_EQ(said("[Drive d]\nFile=/a\nAIO=native\nCache=" + std::string(cache) + "\n"),
                  Texts{});
}

TEST(DriveContradictionsTest, ASerialNumberFitsItsBus) {
    const auto with = [](const std::string &interface, std::size_t length) {
        return said("[Drive d]\nFile=/a\nInterface=" + interface +
                    "\nSerial=" + std::string(length, 's') + "\n");
    };
    for (const std::string interface : {"virtio", "nvme", "ide", "sata"}) {
        EXPECT_EQ(with(interface, 20), Texts{});
        EXPECT_EQ(with(interface, 21),
                  error(4, "Serial=" + std::string(21, 's') +
                               ": longer than 20 characters, which is all that Interface=" +
                               interface + " has room for."));
    }
    for (const std::string interface : {"scsi", "usb"}) {
        EXPECT_EQ(with(interface, 36), Texts{});
        EXPECT_EQ(with(interface, 37),
                  error(4, "Serial=" + std::string(37, 's') +
                               ": longer than 36 characters, which is all that Interface=" +
                               interface + " has room for."));
    }
    EXPECT_EQ(with("floppy", 1), error(4, "Serial=: a floppy has no serial number."));
}

}  // namespace
}  // namespace qemunit::generator
