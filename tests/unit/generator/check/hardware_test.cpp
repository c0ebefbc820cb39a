// SPDX-License-Identifier: MIT
//
// What of processors, memory, screen and sound does not go together.
#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using testing::error;
using testing::said;
using testing::Texts;

TEST(HardwareCheckTest, ValuesAreRefusedInWords) {
    EXPECT_EQ(said("[VM]\nMachineOption=hpet\n"),
              error(2, "MachineOption=hpet: not an option of a machine; write it as in hpet=off."));
    EXPECT_EQ(said("[VM]\nMachineOption=accel=kvm\n"),
              error(2, "MachineOption=accel=kvm: Accelerator= says that."));
    EXPECT_EQ(said("[VM]\nDeviceProperty=disable_s3=1\n"),
              error(2,
                    "DeviceProperty=disable_s3=1: not a property of a device; write it as in "
                    "ICH9-LPC.disable_s3=1."));
    EXPECT_EQ(said("[Boot]\nFirmwareFile=opt/a\n"),
              error(2,
                    "FirmwareFile=opt/a: not a name and a file; write it as in "
                    "opt/com.coreos/config:/srv/vm1.ign."));
    EXPECT_EQ(said("[Boot]\nFirmwareFile=etc/a:/b\n"),
              error(2,
                    "FirmwareFile=etc/a:/b: the name must begin with opt/: the others are QEMU's "
                    "own."));
    EXPECT_EQ(said("[Boot]\nSMBIOS=type=11,path=/a\n"),
              error(2,
                    "SMBIOS=type=11,path=/a: QEMU cannot read a file here; [Credential NAME] hands "
                    "files to the guest."));
    EXPECT_EQ(said("[Memory]\nHugePages=3M\n"),
              error(2,
                    "HugePages=3M: not the size of a page; write yes, or 2M, or another size that "
                    "the host has."));
}

TEST(HardwareCheckTest, ANumberIsNoModel) {
    EXPECT_EQ(said("[VM]\nCPU=2\n"),
              error(2,
                    "CPU=2: a processor's model is wanted, as in CPU=max; how many there are is "
                    "said by CPUs=2."));
    for (const char *model : {"486", "max", "max,+vmx"})
        EXPECT_EQ(said(std::string("[VM]\nCPU=") + model + "\n"), Texts{}) << model;
}

TEST(HardwareCheckTest, ATopologyHasToBeAsManyProcessorsAsThereAre) {
    EXPECT_EQ(said("[VM]\nCPUs=6\n[CPU]\nSockets=2\nCores=2\n"),
              error(5, "Sockets=2, Cores=2 do not make 6 processors, which CPUs= says."));
    EXPECT_EQ(said("[VM]\nCPUs=8\n[CPU]\nSockets=2\nCores=2\n"), Texts{});
    EXPECT_EQ(said("[CPU]\nCores=2\nThreads=2\nMaximum=6\n"),
              error(3, "Cores=2, Threads=2 do not make 6 processors, which Maximum= says."));
    EXPECT_EQ(said("[VM]\nCPUs=4\n[CPU]\nMaximum=2\n"),
              error(4, "Maximum=2: the guest starts with 4 processors already."));
    EXPECT_EQ(said("[VM]\nCPUs=2\n[CPU]\nSockets=1\nCores=4\nThreads=1\nMaximum=4\n"), Texts{});
}

TEST(HardwareCheckTest, WhatTheMachineCannotHave) {
    EXPECT_EQ(said("[VM]\nMachine=pc\nHotPlugPorts=2\n"),
              error(3, "HotPlugPorts=2: the machine 'pc' has no PCI Express."));
    EXPECT_EQ(said("[VM]\nArchitecture=aarch64\nGuestOS=windows\n"),
              error(3, "GuestOS=windows is for Architecture=x86_64 and i386."));
    EXPECT_EQ(said("[Memory]\nMaximum=512M\n"),
              error(2, "Maximum= must be more than Memory= in [VM]."));
    EXPECT_EQ(said("[VM]\nMachine=microvm\n[Sound s]\n").size(), 1U);
    EXPECT_EQ(said("[VM]\nArchitecture=aarch64\n[Sound s]\nModel=sb16\n"),
              error(4, "Model=sb16: the machine 'virt' has no ISA bus for it."));
    EXPECT_EQ(said("[VM]\nStartPaused=yes\nGuestAgent=yes\nReady=agent\n"),
              error(2,
                    "StartPaused=yes and Ready= exclude each other: a guest that does not run gets "
                    "nowhere."));
}

TEST(HardwareCheckTest, AScreenHasWhatItsCardHas) {
    EXPECT_EQ(said("[Screen]\nCard=qxl\n"),
              error(1, "Section [Screen] needs Display=vnc or Display=spice in [VM]."));
    EXPECT_EQ(said("[VM]\nDisplay=vnc\n[Screen]\nCard=virtio\nMemory=8M\n"),
              error(5, "Memory= is not for Card=virtio."));
    EXPECT_EQ(said("[VM]\nDisplay=vnc\n[Screen]\nOutputs=2\n"),
              error(4, "Outputs= is not for Card=std."));
    EXPECT_EQ(said("[VM]\nDisplay=vnc\n[Screen]\nUSBRedirection=2\n"),
              error(4, "USBRedirection= needs Display=spice."));
}

// Four keys of 1024 at most are more than 32 bits, and 0 in them.
TEST(HardwareCheckTest, MoreProcessorsThanANumberHolds) {
    for (const char *threads : {"4", "1024", "1"})
        EXPECT_EQ(said(std::string("[CPU]\nSockets=1024\nDies=1024\nCores=1024\nThreads=") +
                       threads + "\n")
                      .size(),
                  1U)
            << threads;
    EXPECT_EQ(said("[VM]\nCPUs=4\n[CPU]\nSockets=1024\nDies=1024\nCores=1024\nThreads=4\n").size(),
              1U);
}

TEST(HardwareCheckTest, DrivesAreFilesHere) {
    EXPECT_EQ(said("[Drive d]\nFile=nbd:unix:/run/x\n"),
              error(2,
                    "File=nbd:unix:/run/x: a file or a block device only, and no nbd:; attach the "
                    "disk to the host first (qemu-nbd -c, rbd map, iscsiadm, mount)."));
    EXPECT_EQ(said("[Drive d]\nFile=~/a.img\n"),
              error(2, "File=~/a.img: write the home in full, as in /home/joe/a.img."));
    EXPECT_EQ(said("[Drive d]\nFile=/a\nInterface=scsi\nIOThread=yes\n"),
              error(4, "IOThread= needs Interface=virtio."));
    EXPECT_EQ(said("[Drive d]\nFile=/a\nIOPSMax=5\nReadIOPSMax=5\nBandwidthMax=1\n"),
              error(3,
                    "IOPSMax= is for reading and writing together; write ReadIOPSMax= and "
                    "WriteIOPSMax= alone for a limit each."));
    EXPECT_EQ(said("[Drive d]\nMedia=cdrom\nFile=/a\nWriteBandwidthMax=5\n"),
              error(4, "WriteBandwidthMax=: limits are for disks."));
    EXPECT_EQ(said("[Drive d]\nFile=/a\nInterface=sd\nSerial=x\n"),
              error(4, "Serial=: an SD card has no serial number."));
    EXPECT_EQ(said("[Drive d]\nFile=/a\nInterface=sd\nSize=3M\n"),
              error(4,
                    "Size=: QEMU takes an SD card only if its size is a power of two; the next "
                    "larger one is 4194304 bytes."));
    EXPECT_TRUE(said("[Drive d]\nFile=/a\nInterface=sd\nSize=4M\n").empty());
}

}  // namespace
}  // namespace qemunit::generator
