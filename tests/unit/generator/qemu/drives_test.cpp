// SPDX-License-Identifier: MIT
//
// [Drive …] -> -drive and -device, on each kind of machine.
#include <gtest/gtest.h>

#include "tests/unit/generator/command_words.h"

namespace qemunit::generator {
namespace {

using testing::arguments;
using testing::devices;
using testing::options;
using testing::Texts;

Texts storage(const std::string &ini) {
    return options(ini, {"-drive", "-device"});
}

// What the first medium's option has behind "if=none,id=NAME,", up to the keys that are not there
// for each image.
std::string image(const std::string &drive, const std::string &format, unsigned set = 1) {
    return ",file.filename=/dev/fdset/" + std::to_string(set) + ",format=" + format +
           ",node-name=qemunit-image-" + drive + ",file.node-name=qemunit-file-" + drive +
           ",auto-read-only=off";
}

Texts drive_of(const std::string &machine, const std::string &keys) {
    return storage("[VM]\n" + machine + "\n[Drive d]\n" + keys + "\n");
}

TEST(DriveArgumentsTest, ADisk) {
    EXPECT_EQ(storage("[Drive root]\nFile=/a.img\n"),
              (Texts{"-drive if=none,id=root" + image("root", "raw"),
                     "-device virtio-blk-pci,drive=root,id=root"}));
    EXPECT_EQ(storage("[Drive root]\nFile=a,b.qcow2\nReadOnly=yes\nEphemeral=yes\n").front(),
              "-drive if=none,id=root" + image("root", "qcow2") + ",readonly=on,snapshot=on");
}

TEST(DriveArgumentsTest, Limits) {
    EXPECT_EQ(
        storage("[Drive d]\nFile=/a\nBandwidthMax=10M\nReadIOPSMax=2K\nWriteIOPSMax=5\n").front(),
        "-drive if=none,id=d" + image("d", "raw") +
            ",throttling.bps-total=10000000,throttling.iops-read=2000,"
            "throttling.iops-write=5");
    EXPECT_EQ(
        storage("[Drive d]\nFile=/a\nReadBandwidthMax=1\nWriteBandwidthMax=2\nIOPSMax=3\n").front(),
        "-drive if=none,id=d" + image("d", "raw") +
            ",throttling.bps-read=1,throttling.bps-write=2,throttling.iops-total=3");
}

TEST(DriveArgumentsTest, TheSuffixIsTheFormatUnlessItIsGiven) {
    const auto format = [](const std::string &keys) {
        const std::string drive = storage("[Drive d]\nFile=" + keys + "\n").front();
        const std::size_t begin = drive.find("format=") + 7;
        return drive.substr(begin, drive.find(',', begin) - begin);
    };
    EXPECT_EQ(format("/a.qcow2"), "qcow2");
    EXPECT_EQ(format("/a.qcow"), "qcow");
    EXPECT_EQ(format("/a.qed"), "qed");
    EXPECT_EQ(format("/a.vmdk"), "vmdk");
    EXPECT_EQ(format("/a.vdi"), "vdi");
    EXPECT_EQ(format("/a.vhdx"), "vhdx");
    EXPECT_EQ(format("/a.vhd"), "vpc");
    EXPECT_EQ(format("/a.img"), "raw");
    EXPECT_EQ(format("/a.qcow2.bak"), "raw");
    EXPECT_EQ(format("/dev/sdb"), "raw");
    EXPECT_EQ(format("/a.qcow2\nFormat=raw"), "raw");
    EXPECT_EQ(format("/a.img\nFormat=luks"), "luks");
}

TEST(DriveArgumentsTest, InterfacesOnQ35) {
    const auto on = [](const std::string &interface) {
        const Texts words = drive_of("Machine=q35", "File=/a\nInterface=" + interface);
        return Texts(words.begin() + 1, words.end());
    };
    EXPECT_EQ(on("virtio"), Texts{"-device virtio-blk-pci,drive=d,id=d"});
    EXPECT_EQ(on("scsi"), (Texts{"-device virtio-scsi-pci,id=qemunit-scsi",
                                 "-device scsi-hd,bus=qemunit-scsi.0,drive=d,id=d"}));
    EXPECT_EQ(on("nvme"), Texts{"-device nvme,drive=d,id=d,serial=d"});
    EXPECT_EQ(on("ide"), Texts{"-device ide-hd,bus=ide.0,drive=d,id=d"});
    EXPECT_EQ(on("sata"), Texts{"-device ide-hd,bus=ide.0,drive=d,id=d"});
    EXPECT_EQ(on("usb"), (Texts{"-device qemu-xhci,id=qemunit-usb",
                                "-device usb-storage,bus=qemunit-usb.0,drive=d,id=d"}));
    EXPECT_EQ(on("floppy"),
              (Texts{"-device isa-fdc,id=qemunit-floppy", "-device floppy,drive=d,id=d"}));
}

TEST(DriveArgumentsTest, InterfacesOnPc) {
    const auto on = [](const std::string &interface) {
        const Texts words = drive_of("Machine=pc", "File=/a\nInterface=" + interface);
        return Texts(words.begin() + 1, words.end());
    };
    EXPECT_EQ(on("ide"), Texts{"-device ide-hd,bus=ide.0,unit=0,drive=d,id=d"});
    EXPECT_EQ(on("sata"), (Texts{"-device ahci,id=qemunit-ahci",
                                 "-device ide-hd,bus=qemunit-ahci.0,drive=d,id=d"}));
    EXPECT_EQ(on("floppy"), Texts{"-device floppy,drive=d,id=d"});
    EXPECT_EQ(on("virtio"), Texts{"-device virtio-blk-pci,drive=d,id=d"});
}

TEST(DriveArgumentsTest, InterfacesOnVirt) {
    const auto on = [](const std::string &interface) {
        const Texts words = drive_of("Architecture=aarch64", "File=/a\nInterface=" + interface);
        return Texts(words.begin() + 1, words.end());
    };
    EXPECT_EQ(on("virtio"), Texts{"-device virtio-blk-pci,drive=d,id=d"});
    EXPECT_EQ(on("nvme"), Texts{"-device nvme,drive=d,id=d,serial=d"});
    EXPECT_EQ(on("sata"), (Texts{"-device ahci,id=qemunit-ahci",
                                 "-device ide-hd,bus=qemunit-ahci.0,drive=d,id=d"}));
    EXPECT_EQ(on("usb"), (Texts{"-device qemu-xhci,id=qemunit-usb",
                                "-device usb-storage,bus=qemunit-usb.0,drive=d,id=d"}));
}

TEST(DriveArgumentsTest, InterfacesOnMicrovm) {
    const auto on = [](const std::string &interface) {
        const Texts words = drive_of("Machine=microvm", "File=/a\nInterface=" + interface);
        return Texts(words.begin() + 1, words.end());
    };
    EXPECT_EQ(on("virtio"), Texts{"-device virtio-blk-device,drive=d,id=d"});
    EXPECT_EQ(on("scsi"), (Texts{"-device virtio-scsi-device,id=qemunit-scsi",
                                 "-device scsi-hd,bus=qemunit-scsi.0,drive=d,id=d"}));
}

TEST(DriveArgumentsTest, CdromsAreWhatAnyGuestReads) {
    EXPECT_EQ(drive_of("", "Media=cdrom"),
              (Texts{"-drive if=none,id=d,media=cdrom", "-device ide-cd,bus=ide.0,drive=d,id=d"}));
    EXPECT_EQ(drive_of("Machine=pc", "Media=cdrom\nFile=/a.iso"),
              (Texts{"-drive if=none,id=d" + image("d", "raw") + ",media=cdrom",
                     "-device ide-cd,bus=ide.0,unit=0,drive=d,id=d"}));
    EXPECT_EQ(drive_of("Architecture=aarch64", "Media=cdrom").back(),
              "-device scsi-cd,bus=qemunit-scsi.0,drive=d,id=d");
    EXPECT_EQ(drive_of("Machine=microvm", "Media=cdrom").back(),
              "-device scsi-cd,bus=qemunit-scsi.0,drive=d,id=d");
    EXPECT_EQ(drive_of("", "Media=cdrom\nInterface=usb").back(),
              "-device usb-storage,bus=qemunit-usb.0,drive=d,id=d");
}

TEST(DriveArgumentsTest, DrivesShareTheirControllers) {
    EXPECT_EQ(devices("[Drive a]\nFile=/a\nInterface=scsi\n[Drive b]\nFile=/b\nInterface=scsi\n"
                      "[Drive c]\nFile=/c\nInterface=usb\n[Drive d]\nFile=/d\nInterface=usb\n"),
              (Texts{"-device virtio-scsi-pci,id=qemunit-scsi",
                     "-device scsi-hd,bus=qemunit-scsi.0,drive=a,id=a",
                     "-device scsi-hd,bus=qemunit-scsi.0,drive=b,id=b",
                     "-device qemu-xhci,id=qemunit-usb",
                     "-device usb-storage,bus=qemunit-usb.0,drive=c,id=c",
                     "-device usb-storage,bus=qemunit-usb.0,drive=d,id=d"}));
}

TEST(DriveArgumentsTest, DrivesTakeTheNextFreePort) {
    EXPECT_EQ(
        devices("[Drive a]\nFile=/a\nInterface=ide\n[Drive b]\nFile=/b\nInterface=sata\n"
                "[Drive c]\nMedia=cdrom\n"),
        (Texts{"-device ide-hd,bus=ide.0,drive=a,id=a", "-device ide-hd,bus=ide.1,drive=b,id=b",
               "-device ide-cd,bus=ide.2,drive=c,id=c"}));
    EXPECT_EQ(
        devices("[VM]\nMachine=pc\n[Drive a]\nFile=/a\nInterface=ide\n[Drive b]\nMedia=cdrom\n"
                "[Drive c]\nFile=/c\nInterface=ide\n[Drive s]\nFile=/s\nInterface=sata\n"
                "[Drive t]\nFile=/t\nInterface=sata\n"),
        (Texts{"-device ide-hd,bus=ide.0,unit=0,drive=a,id=a",
               "-device ide-cd,bus=ide.0,unit=1,drive=b,id=b",
               "-device ide-hd,bus=ide.1,unit=0,drive=c,id=c", "-device ahci,id=qemunit-ahci",
               "-device ide-hd,bus=qemunit-ahci.0,drive=s,id=s",
               "-device ide-hd,bus=qemunit-ahci.1,drive=t,id=t"}));
}

TEST(DriveArgumentsTest, DevicesComeInTheOrderOfTheFile) {
    EXPECT_EQ(options(arguments("[Drive b]\nFile=/b\n[Drive a]\nFile=/a\n"), {"-drive"}),
              (Texts{"-drive if=none,id=b" + image("b", "raw", 1),
                     "-drive if=none,id=a" + image("a", "raw", 2)}));
}

TEST(DriveArgumentsTest, HowQemuOpensTheImage) {
    const auto back_end = [](const std::string &keys) {
        const std::string drive = drive_of("", "File=/a\n" + keys).front();
        const std::string common = "-drive if=none,id=d" + image("d", "raw");
        EXPECT_TRUE(drive.starts_with(common)) << drive;
        return drive.substr(common.size());
    };
    EXPECT_EQ(back_end(""), "");
    for (const char *cache : {"writeback", "writethrough", "none", "directsync", "unsafe"})
        EXPECT_EQ(back_end("Cache=" + std::string(cache)), ",cache=" + std::string(cache));
    EXPECT_EQ(back_end("Discard=yes"), ",discard=unmap");
    EXPECT_EQ(back_end("Discard=no"), "");
    EXPECT_EQ(back_end("AIO=threads"), ",aio=threads");
    EXPECT_EQ(back_end("AIO=io_uring"), ",aio=io_uring");
    EXPECT_EQ(back_end("AIO=native\nCache=none\nDiscard=yes"),
              ",cache=none,discard=unmap,aio=native");
}

TEST(DriveArgumentsTest, AnEmptyTrayHasNothingToOpen) {
    EXPECT_EQ(drive_of("", "Media=cdrom\nCache=none\nDiscard=yes\nAIO=native").front(),
              "-drive if=none,id=d,media=cdrom");
}

TEST(DriveArgumentsTest, MakingTheImageIsNotQemus) {
    EXPECT_EQ(drive_of("", "File=a.qcow2\nSize=20G\nBackingFile=/srv/base.img").front(),
              "-drive if=none,id=d" + image("d", "qcow2"));
    // A backing file is a set, too, which the helper adds if the image is a layer on it.
    EXPECT_EQ(options(arguments("[Drive a]\nFile=a.qcow2\nBackingFile=/b\n[Drive c]\nFile=/c\n"),
                      {"-drive"})
                  .back(),
              "-drive if=none,id=c" + image("c", "raw", 3));
}

TEST(DriveArgumentsTest, SerialNumbers) {
    EXPECT_EQ(drive_of("", "File=/a\nSerial=S 4,2").back(),
              "-device virtio-blk-pci,drive=d,id=d,serial=S 4,,2");
    EXPECT_EQ(drive_of("", "File=/a\nInterface=nvme").back(), "-device nvme,drive=d,id=d,serial=d");
    EXPECT_EQ(drive_of("", "File=/a\nInterface=nvme\nSerial=X").back(),
              "-device nvme,drive=d,id=d,serial=X");
}

TEST(DriveArgumentsTest, ThePlaceInTheOrderOfBooting) {
    EXPECT_EQ(drive_of("", "File=/a\nBootIndex=0").back(),
              "-device virtio-blk-pci,drive=d,id=d,bootindex=0");
    EXPECT_EQ(drive_of("Machine=microvm", "File=/a\nSerial=X\nBootIndex=12").back(),
              "-device virtio-blk-device,drive=d,id=d,serial=X,bootindex=12");
    EXPECT_EQ(drive_of("", "Media=cdrom\nBootIndex=1").back(),
              "-device ide-cd,bus=ide.0,drive=d,id=d,bootindex=1");
}

}  // namespace
}  // namespace qemunit::generator
