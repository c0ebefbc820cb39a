// SPDX-License-Identifier: MIT
//
// Ports, channels, shares, credentials, the TPM and the screen -> QEMU's words.
#include <gtest/gtest.h>

#include "tests/unit/generator/command_words.h"

namespace qemunit::generator {
namespace {

using testing::arguments;
using testing::devices;
using testing::options;
using testing::Texts;

TEST(DeviceArgumentsTest, SerialPortsOnX86) {
    EXPECT_EQ(options(arguments("[Serial debug]\n[Serial gdb]\n[Serial last]\n[Serial more]\n"),
                      {"-serial", "-device"}),
              (Texts{"-serial chardev:serial", "-serial chardev:debug", "-serial chardev:gdb",
                     "-serial chardev:last", "-device virtio-serial-pci,id=qemunit-virtio-serial",
                     "-device virtconsole,bus=qemunit-virtio-serial.0,chardev=more,id=more"}));
}

TEST(DeviceArgumentsTest, SerialPortsWhereThereIsOneUart) {
    EXPECT_EQ(options(arguments("[VM]\nArchitecture=aarch64\n[Serial debug]\n[Serial gdb]\n"),
                      {"-serial", "-device"}),
              (Texts{"-serial chardev:serial", "-device virtio-serial-pci,id=qemunit-virtio-serial",
                     "-device virtconsole,bus=qemunit-virtio-serial.0,chardev=debug,id=debug",
                     "-device virtconsole,bus=qemunit-virtio-serial.0,chardev=gdb,id=gdb"}));
    EXPECT_EQ(
        options(arguments("[VM]\nMachine=microvm\n[Serial debug]\n"), {"-serial", "-device"}),
        (Texts{"-serial chardev:serial", "-device virtio-serial-device,id=qemunit-virtio-serial",
               "-device virtconsole,bus=qemunit-virtio-serial.0,chardev=debug,id=debug"}));
}

TEST(DeviceArgumentsTest, AVirtioPortLeavesTheUartToTheNext) {
    EXPECT_EQ(options(arguments("[VM]\nArchitecture=arm\n[Serial serial]\nType=virtio\n"
                                "[Serial debug]\n"),
                      {"-serial", "-device"}),
              (Texts{"-device virtio-serial-pci,id=qemunit-virtio-serial",
                     "-device virtconsole,bus=qemunit-virtio-serial.0,chardev=serial,id=serial",
                     "-serial chardev:debug"}));
}

TEST(DeviceArgumentsTest, Vnc) {
    const auto screen = [](const std::string &machine) {
        return options(arguments("[VM]\n" + machine + "\nDisplay=vnc\n"),
                       {"-display", "-vnc", "-device"});
    };
    EXPECT_EQ(screen(""),
              (Texts{"-vnc unix:/var/lib/qemunit/vm1/vnc.sock", "-device VGA,id=qemunit-screen",
                     "-device qemu-xhci,id=qemunit-usb", "-device usb-kbd,bus=qemunit-usb.0",
                     "-device usb-tablet,bus=qemunit-usb.0"}));
    EXPECT_EQ(screen("Architecture=aarch64")[1], "-device virtio-gpu-pci,id=qemunit-screen");
    EXPECT_EQ(screen("Machine=microvm"), (Texts{"-vnc unix:/var/lib/qemunit/vm1/vnc.sock",
                                                "-device virtio-gpu-device,id=qemunit-screen"}));
}

TEST(DeviceArgumentsTest, TheScreensKeyboardAndADriveShareTheUsbController) {
    const Texts found = devices("[VM]\nDisplay=vnc\n[Drive a]\nFile=/a\nInterface=usb\n");
    EXPECT_EQ(std::ranges::count(found, "-device qemu-xhci,id=qemunit-usb"), 1);
}

TEST(DeviceArgumentsTest, TheViewersKeyboard) {
    EXPECT_EQ(options("[VM]\nDisplay=vnc\nKeyboard=de-ch\n", {"-k"}), Texts{"-k de-ch"});
    EXPECT_EQ(options("[VM]\nDisplay=vnc\n", {"-k"}), Texts{});
}

TEST(DeviceArgumentsTest, ChannelsShareTheControllerOfThePorts) {
    EXPECT_EQ(devices("[Serial debug]\nType=virtio\n[Channel events]\n[Channel org.example.0]\n"),
              (Texts{"-device virtio-serial-pci,id=qemunit-virtio-serial",
                     "-device virtconsole,bus=qemunit-virtio-serial.0,chardev=debug,id=debug",
                     "-device virtserialport,bus=qemunit-virtio-serial.0,chardev=events,"
                     "name=events,id=events",
                     "-device virtserialport,bus=qemunit-virtio-serial.0,chardev=org.example.0,"
                     "name=org.example.0,id=org.example.0"}));
    EXPECT_EQ(devices("[VM]\nMachine=microvm\n[Channel a]\n").front(),
              "-device virtio-serial-device,id=qemunit-virtio-serial");
}

// Its name in the guest is QEMU's, on the host ours; a drive may be called "agent" all the same.
TEST(DeviceArgumentsTest, TheGuestAgent) {
    EXPECT_EQ(devices("[VM]\nGuestAgent=yes\n[Drive agent]\nFile=/a\n"),
              (Texts{"-device virtio-blk-pci,drive=agent,id=agent",
                     "-device virtio-serial-pci,id=qemunit-virtio-serial",
                     "-device virtserialport,bus=qemunit-virtio-serial.0,chardev=agent,"
                     "name=org.qemu.guest_agent.0,id=qemunit-agent"}));
}

Texts share(const std::string &keys, const std::string &machine = {}) {
    return options("[VM]\n" + machine + "\n[Share src]\nPath=/srv/a,b\n" + keys + "\n",
                   {"-object", "-machine", "-fsdev", "-chardev", "-drive", "-device"});
}

TEST(DeviceArgumentsTest, AFolderBy9p) {
    EXPECT_EQ(share(""),
              (Texts{"-machine q35", "-fsdev local,id=src,path=/srv/a,,b,security_model=none",
                     "-device virtio-9p-pci,fsdev=src,mount_tag=src,id=src"}));
    EXPECT_EQ(share("Tag=sources\nReadOnly=yes", "Machine=microvm"),
              (Texts{"-machine microvm",
                     "-fsdev local,id=src,path=/srv/a,,b,security_model=none,readonly=on",
                     "-device virtio-9p-device,fsdev=src,mount_tag=sources,id=src"}));
}

TEST(DeviceArgumentsTest, AFolderByVirtiofsNeedsMemoryThatIsShared) {
    EXPECT_EQ(share("Type=virtiofs", "Memory=2G"),
              (Texts{"-object memory-backend-memfd,id=qemunit-memory,size=2048M,share=on",
                     "-machine q35,memory-backend=qemunit-memory",
                     "-chardev socket,id=qemunit-fs-src,path=/run/qemunit-fs/vm1:src/sock",
                     "-device vhost-user-fs-pci,chardev=qemunit-fs-src,tag=src,id=src"}));
    EXPECT_EQ(share("Type=virtiofs\nTag=sources", "Machine=microvm").back(),
              "-device vhost-user-fs-device,chardev=qemunit-fs-src,tag=sources,id=src");
}

TEST(DeviceArgumentsTest, AFolderAsADisk) {
    EXPECT_EQ(share("Type=vfat"),
              (Texts{"-machine q35", "-drive if=none,id=src,driver=vvfat,dir=/srv/a,,b,readonly=on",
                     "-device virtio-blk-pci,drive=src,id=src"}));
    EXPECT_EQ(share("Type=vfat", "Machine=microvm").back(),
              "-device virtio-blk-device,drive=src,id=src");
}

TEST(DeviceArgumentsTest, AGuestsRootKeepsTheGuestsOwners) {
    const auto model = [](const std::string &keys) {
        return options("[Boot]\nKernel=/k\n[Share r]\nPath=/srv\nRoot=yes\n" + keys, {"-fsdev"})
            .front();
    };
    EXPECT_EQ(model(""), "-fsdev local,id=r,path=/srv,security_model=mapped-xattr");
    EXPECT_EQ(model("ReadOnly=yes\n"),
              "-fsdev local,id=r,path=/srv,security_model=none,readonly=on");
}

TEST(DeviceArgumentsTest, ACredentialIsNotOnTheCommandLine) {
    EXPECT_EQ(
        options("[Credential motd]\nText=hello\n[Credential key]\nFile=/etc/key\n", {"-fw_cfg"}),
        (Texts{"-fw_cfg name=opt/io.systemd.credentials/motd,"
               "file=/run/credentials/qemu@vm1.service/motd",
               "-fw_cfg name=opt/io.systemd.credentials/key,"
               "file=/run/credentials/qemu@vm1.service/key"}));
}

TEST(DeviceArgumentsTest, TheTpmOfEachMachine) {
    EXPECT_EQ(options("[VM]\nTPM=yes\n", {"-chardev", "-tpmdev", "-device"}),
              (Texts{"-chardev socket,id=qemunit-tpm,path=/run/qemunit-tpm/vm1/sock",
                     "-tpmdev emulator,id=qemunit-tpm,chardev=qemunit-tpm",
                     "-device tpm-crb,tpmdev=qemunit-tpm"}));
    EXPECT_EQ(devices("[VM]\nTPM=yes\nArchitecture=aarch64\n"),
              Texts{"-device tpm-tis-device,tpmdev=qemunit-tpm"});
}

}  // namespace
}  // namespace qemunit::generator
