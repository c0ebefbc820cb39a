// SPDX-License-Identifier: MIT
//
// The machine, its processors, memory, screen and sound -> QEMU's words.
#include <gtest/gtest.h>

#include "tests/unit/generator/command_words.h"

namespace qemunit::generator {
namespace {

using testing::arguments;
using testing::devices;
using testing::options;
using testing::Texts;

TEST(MachineArgumentsTest, OptionsAndPropertiesAreQemus) {
    EXPECT_EQ(options("[VM]\nMachineOption=vmport=off\nMachineOption=x=a,b\n"
                      "DeviceProperty=ICH9-LPC.disable_s3=1\n"
                      "DeviceProperty=cfi.pflash01.secure=on\n",
                      {"-machine", "-global"}),
              (Texts{"-machine q35,vmport=off,x=a,,b",
                     "-global driver=ICH9-LPC,property=disable_s3,value=1",
                     "-global driver=cfi.pflash01,property=secure,value=on"}));
}

TEST(MachineArgumentsTest, AnOldIniKeepsItsHardware) {
    const std::string ini = "[Drive root]\nFile=/a\n";
    EXPECT_EQ(arguments("[VM]\nHardware=0.1\n" + ini), arguments(ini));
    EXPECT_EQ(options(ini, {"-machine", "-device", "-object"}),
              (Texts{"-machine q35", "-device virtio-blk-pci,drive=root,id=root"}));
}

TEST(MachineArgumentsTest, ABoardOf0_8HasWhatItHas) {
    for (const char *machine :
         {"Architecture=aarch64\nMachine=raspi3b", "Architecture=arm\nMachine=vexpress-a9",
          "Architecture=riscv64\nMachine=spike", "Architecture=x86_64\nMachine=isapc"})
        EXPECT_EQ(options(std::string("[VM]\nHardware=0.8\n") + machine + "\n", {"-device"}),
                  Texts{})
            << machine;
}

TEST(MachineArgumentsTest, HardwareOf0_8) {
    const std::string ini = "[VM]\nHardware=0.8\n";
    EXPECT_EQ(
        options(ini + "[Drive root]\nFile=/a\n", {"-machine", "-device"}),
        (Texts{"-machine q35,graphics=off", "-device pcie-root-port,id=qemunit-port-1,chassis=201",
               "-device pcie-root-port,id=qemunit-port-2,chassis=202",
               "-device pcie-root-port,id=qemunit-port-3,chassis=203",
               "-device pcie-root-port,id=qemunit-port-4,chassis=204",
               "-device virtio-blk-pci,drive=root,id=root",
               "-device virtio-rng-pci,rng=qemunit-rng"}));
    EXPECT_TRUE(
        options(ini + "[Drive root]\nFile=/a\n", {"-drive"}).front().ends_with(",discard=unmap"));
    EXPECT_EQ(devices(ini + "RNG=no\nHotPlugPorts=0\n"), Texts{});
    // Where there is no PCI Express, or a screen.
    EXPECT_EQ(options(ini + "Machine=pc\nDisplay=vnc\nRNG=no\n", {"-machine", "-device"}).front(),
              "-machine pc");
    EXPECT_EQ(devices(ini + "Machine=microvm\n"),
              Texts{"-device virtio-rng-device,rng=qemunit-rng"});
}

TEST(MachineArgumentsTest, ProcessorsAreDividedAsTheIniSays) {
    const auto processors = [](const std::string &ini) {
        return options(ini, {"-smp"}).front();
    };
    EXPECT_EQ(processors(""), "-smp 1");
    EXPECT_EQ(processors("[VM]\nCPUs=4\n"), "-smp 4");
    EXPECT_EQ(processors("[CPU]\nSockets=2\nCores=2\nThreads=2\n"),
              "-smp 8,sockets=2,cores=2,threads=2");
    EXPECT_EQ(processors("[VM]\nCPUs=2\n[CPU]\nMaximum=8\nDies=2\n"), "-smp 2,dies=2,maxcpus=8");
}

TEST(MachineArgumentsTest, ABoardHasItsOwnProcessor) {
    EXPECT_EQ(options("[VM]\nArchitecture=arm\nMachine=mps2-an385\n", {"-cpu", "-smp"}), Texts{});
    EXPECT_EQ(options("[VM]\nArchitecture=aarch64\nMachine=raspi3b\nCPU=cortex-a53\nCPUs=4\n",
                      {"-cpu", "-smp"}),
              (Texts{"-cpu cortex-a53", "-smp 4"}));
    EXPECT_EQ(options("[VM]\nArchitecture=arm\nMachine=virt-7.2\n", {"-cpu", "-smp"}),
              (Texts{"-cpu max", "-smp 1"}));
}

TEST(MachineArgumentsTest, WindowsHasWhatHyperVOffers) {
    const std::string ini = "[VM]\nGuestOS=windows\nAccelerator=";
    const Texts found = options(ini + "kvm\n", {"-machine", "-cpu", "-rtc"});
    ASSERT_EQ(found.size(), 3U);
    EXPECT_EQ(found[0], "-machine q35,hpet=off");
    EXPECT_TRUE(found[1].starts_with("-cpu max,hv-relaxed,hv-vapic,")) << found[1];
    EXPECT_EQ(found[2], "-rtc base=localtime,driftfix=slew");
    // QEMU refuses some of it without KVM; the rest has no effect.
    EXPECT_EQ(options(ini + "tcg\n", {"-cpu"}), Texts{"-cpu max"});
    // What the ini says itself, counts.
    EXPECT_EQ(options(ini + "kvm\nCPU=host,hv-time\nClock=utc\nMachineOption=hpet=on\n",
                      {"-machine", "-cpu", "-rtc"}),
              (Texts{"-machine q35,hpet=on", "-cpu host,hv-time", "-rtc base=utc,driftfix=slew"}));
}

TEST(MachineArgumentsTest, MemoryOfManyKinds) {
    const auto memory = [](const std::string &ini) {
        return options("[VM]\nMemory=2G\n[Memory]\n" + ini,
                       {"-object", "-machine", "-m", "-overcommit"});
    };
    EXPECT_EQ(memory("Maximum=8G\n"), (Texts{"-machine q35", "-m 2048M,slots=16,maxmem=8192M"}));
    EXPECT_EQ(memory("HugePages=2M\n"),
              (Texts{"-object memory-backend-memfd,id=qemunit-memory,size=2048M,share=off,"
                     "hugetlb=on,hugetlbsize=2M",
                     "-machine q35,memory-backend=qemunit-memory", "-m 2048M"}));
    EXPECT_EQ(memory("HugePages=yes\nShared=yes\n").front(),
              "-object memory-backend-memfd,id=qemunit-memory,size=2048M,share=on,hugetlb=on");
    EXPECT_EQ(
        memory("Preallocated=yes\nLocked=yes\n"),
        (Texts{"-object memory-backend-ram,id=qemunit-memory,size=2048M,share=off,prealloc=on",
               "-machine q35,memory-backend=qemunit-memory", "-m 2048M",
               "-overcommit mem-lock=on"}));
}

TEST(MachineArgumentsTest, WhatBecomesOfARebootAndOfADebugger) {
    const Texts words = arguments("[VM]\nOnReboot=poweroff\nStartPaused=yes\nDebugger=yes\n");
    EXPECT_EQ(options(words, {"-action", "-gdb"}),
              (Texts{"-action reboot=shutdown",
                     "-gdb unix:/var/lib/qemunit/vm1/gdb.sock,server=on,wait=off"}));
    EXPECT_EQ(std::ranges::count(words, "-S"), 1);
}

TEST(MachineArgumentsTest, WhatTheFirmwareHandsOver) {
    EXPECT_EQ(options("[Boot]\nBIOS=/a/bios.bin\nSMBIOS=type=1,serial=a,,b\n"
                      "FirmwareFile=opt/x/y:/srv/a,b\nKernel=/k\nDeviceTree=board.dtb\n",
                      {"-bios", "-smbios", "-fw_cfg", "-dtb"}),
              (Texts{"-bios /a/bios.bin", "-dtb /var/lib/qemunit/vm1/board.dtb",
                     "-smbios type=1,serial=a,,b", "-fw_cfg name=opt/x/y,file=/srv/a,,b"}));
}

TEST(MachineArgumentsTest, SpiceHasAnAgentAndUsbDevices) {
    EXPECT_EQ(options("[VM]\nDisplay=spice\n[Screen]\nUSBRedirection=1\n",
                      {"-display", "-spice", "-vnc", "-chardev", "-device"}),
              (Texts{"-display none",
                     "-spice unix=on,addr=/var/lib/qemunit/vm1/spice.sock,disable-ticketing=on",
                     "-chardev spicevmc,id=qemunit-spice-agent,name=vdagent",
                     "-device virtio-serial-pci,id=qemunit-virtio-serial",
                     "-device virtserialport,bus=qemunit-virtio-serial.0,"
                     "chardev=qemunit-spice-agent,name=com.redhat.spice.0,id=qemunit-spice-agent",
                     "-chardev spicevmc,id=qemunit-redirection-1,name=usbredir",
                     "-device qemu-xhci,id=qemunit-usb",
                     "-device usb-redir,bus=qemunit-usb.0,chardev=qemunit-redirection-1,"
                     "id=qemunit-redirection-1",
                     "-device qxl-vga,id=qemunit-screen", "-device usb-kbd,bus=qemunit-usb.0",
                     "-device usb-tablet,bus=qemunit-usb.0"}));
}

TEST(MachineArgumentsTest, TheCardIsTheOneThatTheIniNames) {
    const auto card = [](const std::string &ini) {
        return devices("[VM]\nDisplay=vnc\n" + ini).front();
    };
    EXPECT_EQ(card("[Screen]\nCard=virtio\nResolution=1280x800\nOutputs=2\n"),
              "-device virtio-vga,id=qemunit-screen,xres=1280,yres=800,max_outputs=2");
    EXPECT_EQ(card("[Screen]\nCard=cirrus\nMemory=8M\n"),
              "-device cirrus-vga,id=qemunit-screen,vgamem_mb=8");
    EXPECT_EQ(card("Architecture=aarch64\n"), "-device virtio-gpu-pci,id=qemunit-screen");
}

TEST(MachineArgumentsTest, SoundIsHeardByWhoWatches) {
    const auto sound = [](const std::string &ini) {
        return options(ini, {"-vnc", "-audiodev"});
    };
    EXPECT_EQ(
        sound("[VM]\nDisplay=vnc\n[Sound card]\n[Sound other]\nModel=usb\n"),
        (Texts{"-vnc unix:/var/lib/qemunit/vm1/vnc.sock,audiodev=qemunit-sound-card",
               "-audiodev none,id=qemunit-sound-card", "-audiodev none,id=qemunit-sound-other"}));
    EXPECT_EQ(
        sound("[VM]\nDisplay=spice\n[Sound card]\n[Sound mute]\nHeard=no\n"),
        (Texts{"-audiodev spice,id=qemunit-sound-card", "-audiodev none,id=qemunit-sound-mute"}));
    EXPECT_EQ(devices("[Sound card]\n"), (Texts{"-device ich9-intel-hda,id=qemunit-sound-card-hda",
                                                "-device hda-duplex,bus=qemunit-sound-card-hda.0,"
                                                "audiodev=qemunit-sound-card,id=card"}));
    EXPECT_EQ(devices("[Sound a]\nModel=sb16\n"),
              Texts{"-device sb16,audiodev=qemunit-sound-a,id=a"});
}

TEST(MachineArgumentsTest, ADriveMayHaveAThreadOfItsOwn) {
    EXPECT_EQ(options("[Drive d]\nFile=/a\nIOThread=yes\nQueues=2\n", {"-object", "-device"}),
              (Texts{"-object iothread,id=qemunit-io-d",
                     "-device virtio-blk-pci,drive=d,id=d,iothread=qemunit-io-d,num-queues=2"}));
}

TEST(MachineArgumentsTest, WhatABoardHasByItself) {
    const Texts words = arguments(
        "[VM]\nArchitecture=arm\nMachine=vexpress-a9\n[Drive card]\nFile=/a\nInterface=sd\n"
        "[Network lan]\nModel=onboard\nMAC=52:54:00:12:34:56\n");
    EXPECT_EQ(options(words, {"-net", "-device"}),
              Texts{"-net nic,netdev=lan,macaddr=52:54:00:12:34:56"});
    EXPECT_TRUE(options(words, {"-drive"}).front().starts_with("-drive if=sd,id=card,"));
    EXPECT_TRUE(devices("[Network lan]\nModel=virtio\n")
                    .front()
                    .starts_with("-device virtio-net-pci,netdev=lan,"));
}

}  // namespace
}  // namespace qemunit::generator
