// SPDX-License-Identifier: MIT
//
// A VM -> QEMU's argv, on each kind of machine.
#include "generator/qemu_arguments.h"

#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"

namespace qemunit {
namespace {

using testing::from_ini;
using testing::Texts;

Texts arguments(const std::string &ini, Architecture host = Architecture::x86_64) {
    const auto [vm, said] = from_ini(ini, host);
    EXPECT_EQ(said, Texts{}) << ini;
    return qemu_arguments(vm, host);
}

// What follows each of the options named, in order: "-device VGA".
Texts options(const Texts &words, const Texts &names) {
    Texts found;
    for (std::size_t i = 0; i + 1 < words.size(); ++i)
        if (std::ranges::find(names, words[i]) != names.end())
            found.push_back(words[i] + " " + words[i + 1]);
    return found;
}

Texts devices(const std::string &ini) {
    return options(arguments(ini), {"-device"});
}

Texts storage(const std::string &ini) {
    return options(arguments(ini), {"-drive", "-device"});
}

Texts drive_of(const std::string &machine, const std::string &keys) {
    return storage("[VM]\n" + machine + "\n[Drive d]\n" + keys + "\n");
}

TEST(QemuArgumentsTest, TheLeastVm) {
    EXPECT_EQ(arguments(""), (Texts{"/usr/bin/qemu-system-x86_64",
                                    "-name",
                                    "guest=vm1,debug-threads=on",
                                    "-nodefaults",
                                    "-no-user-config",
                                    "-machine",
                                    "q35",
                                    "-accel",
                                    "kvm",
                                    "-accel",
                                    "tcg",
                                    "-cpu",
                                    "max",
                                    "-smp",
                                    "1",
                                    "-m",
                                    "1024M",
                                    "-serial",
                                    "chardev:serial",
                                    "-display",
                                    "none"}));
}

TEST(QemuArgumentsTest, TheMachineItself) {
    const Texts words = arguments(
        "[VM]\nMachine=pc\nAccelerator=tcg\nCPU=qemu64,+avx\nCPUs=3\nMemory=1073741825\n"
        "UUID=6ba7b810-9dad-11d1-80b4-00c04fd430c8\nQEMU=/opt/q emu\n");
    EXPECT_EQ(words.front(), "/opt/q emu");
    EXPECT_EQ(options(words, {"-machine", "-accel", "-cpu", "-smp", "-m", "-uuid"}),
              (Texts{"-machine pc", "-accel tcg", "-cpu qemu64,+avx", "-smp 3", "-m 1073741825B",
                     "-uuid 6ba7b810-9dad-11d1-80b4-00c04fd430c8"}));
}

TEST(QemuArgumentsTest, MemoryIsInMebibytesWhereItCanBe) {
    const auto memory = [](const std::string &size) {
        return options(arguments("[VM]\nMemory=" + size + "\n"), {"-m"}).front();
    };
    EXPECT_EQ(memory("1M"), "-m 1M");
    EXPECT_EQ(memory("2G"), "-m 2048M");
    EXPECT_EQ(memory("1T"), "-m 1048576M");
    EXPECT_EQ(memory("1536K"), "-m 1572864B");
}

TEST(QemuArgumentsTest, KvmIsTriedForTheHostsOwnArchitecture) {
    const auto accel = [](const std::string &ini, Architecture host) {
        return options(arguments("[VM]\n" + ini + "\n", host), {"-accel"});
    };
    const Texts both = {"-accel kvm", "-accel tcg"}, tcg = {"-accel tcg"}, kvm = {"-accel kvm"};
    EXPECT_EQ(accel("", Architecture::x86_64), both);
    EXPECT_EQ(accel("", Architecture::aarch64), both);
    EXPECT_EQ(accel("Architecture=aarch64", Architecture::aarch64), both);
    EXPECT_EQ(accel("Architecture=aarch64", Architecture::x86_64), tcg);
    EXPECT_EQ(accel("Architecture=i386", Architecture::x86_64), tcg);
    EXPECT_EQ(accel("Accelerator=kvm", Architecture::x86_64), kvm);
    EXPECT_EQ(accel("Accelerator=tcg", Architecture::x86_64), tcg);
}

TEST(QemuArgumentsTest, EachArchitecture) {
    const auto machine = [](const std::string &architecture) {
        const Texts words = arguments("[VM]\nArchitecture=" + architecture + "\n");
        Texts found = options(words, {"-machine", "-cpu"});
        found.insert(found.begin(), words.front());
        return found;
    };
    EXPECT_EQ(machine("i386"), (Texts{"/usr/bin/qemu-system-i386", "-machine q35", "-cpu max"}));
    EXPECT_EQ(machine("arm64"),
              (Texts{"/usr/bin/qemu-system-aarch64", "-machine virt", "-cpu max"}));
    EXPECT_EQ(machine("arm"), (Texts{"/usr/bin/qemu-system-arm", "-machine virt", "-cpu max"}));
    EXPECT_EQ(machine("riscv64"), (Texts{"/usr/bin/qemu-system-riscv64", "-machine virt"}));
}

TEST(QemuArgumentsTest, AKernelWithItsCompanions) {
    EXPECT_EQ(options(arguments("[Boot]\nKernel=/boot/vmlinuz\nInitrd=initrd.img\nAppend=quiet "
                                " root=/dev/vda\nAppend=a,b\n"),
                      {"-kernel", "-initrd", "-append"}),
              (Texts{"-kernel /boot/vmlinuz", "-initrd /var/lib/qemunit/vm1/initrd.img",
                     "-append quiet  root=/dev/vda a,b"}));
}

TEST(QemuArgumentsTest, ADisk) {
    EXPECT_EQ(storage("[Drive root]\nFile=/a.img\n"),
              (Texts{"-drive if=none,id=root,file=/a.img,format=raw",
                     "-device virtio-blk-pci,drive=root,id=root"}));
    EXPECT_EQ(storage("[Drive root]\nFile=a,b.qcow2\nReadOnly=yes\nEphemeral=yes\n").front(),
              "-drive if=none,id=root,file=/var/lib/qemunit/vm1/a,,b.qcow2,format=qcow2,"
              "readonly=on,snapshot=on");
}

TEST(QemuArgumentsTest, TheSuffixIsTheFormatUnlessItIsGiven) {
    const auto format = [](const std::string &keys) {
        const std::string drive = storage("[Drive d]\nFile=" + keys + "\n").front();
        return drive.substr(drive.find("format=") + 7);
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

TEST(QemuArgumentsTest, InterfacesOnQ35) {
    const auto on = [](const std::string &interface) {
        const Texts words = drive_of("Machine=q35", "File=/a\nInterface=" + interface);
        return Texts(words.begin() + 1, words.end());
    };
    EXPECT_EQ(on("virtio"), Texts{"-device virtio-blk-pci,drive=d,id=d"});
    EXPECT_EQ(on("scsi"), (Texts{"-device virtio-scsi-pci,id=qemunit-scsi",
                                 "-device scsi-hd,bus=qemunit-scsi.0,drive=d,id=d"}));
    EXPECT_EQ(on("nvme"), Texts{"-device nvme,serial=d,drive=d,id=d"});
    EXPECT_EQ(on("ide"), Texts{"-device ide-hd,bus=ide.0,drive=d,id=d"});
    EXPECT_EQ(on("sata"), Texts{"-device ide-hd,bus=ide.0,drive=d,id=d"});
    EXPECT_EQ(on("usb"), (Texts{"-device qemu-xhci,id=qemunit-usb",
                                "-device usb-storage,bus=qemunit-usb.0,drive=d,id=d"}));
    EXPECT_EQ(on("floppy"),
              (Texts{"-device isa-fdc,id=qemunit-floppy", "-device floppy,drive=d,id=d"}));
}

TEST(QemuArgumentsTest, InterfacesOnPc) {
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

TEST(QemuArgumentsTest, InterfacesOnVirt) {
    const auto on = [](const std::string &interface) {
        const Texts words = drive_of("Architecture=aarch64", "File=/a\nInterface=" + interface);
        return Texts(words.begin() + 1, words.end());
    };
    EXPECT_EQ(on("virtio"), Texts{"-device virtio-blk-pci,drive=d,id=d"});
    EXPECT_EQ(on("nvme"), Texts{"-device nvme,serial=d,drive=d,id=d"});
    EXPECT_EQ(on("sata"), (Texts{"-device ahci,id=qemunit-ahci",
                                 "-device ide-hd,bus=qemunit-ahci.0,drive=d,id=d"}));
    EXPECT_EQ(on("usb"), (Texts{"-device qemu-xhci,id=qemunit-usb",
                                "-device usb-storage,bus=qemunit-usb.0,drive=d,id=d"}));
}

TEST(QemuArgumentsTest, InterfacesOnMicrovm) {
    const auto on = [](const std::string &interface) {
        const Texts words = drive_of("Machine=microvm", "File=/a\nInterface=" + interface);
        return Texts(words.begin() + 1, words.end());
    };
    EXPECT_EQ(on("virtio"), Texts{"-device virtio-blk-device,drive=d,id=d"});
    EXPECT_EQ(on("scsi"), (Texts{"-device virtio-scsi-device,id=qemunit-scsi",
                                 "-device scsi-hd,bus=qemunit-scsi.0,drive=d,id=d"}));
}

TEST(QemuArgumentsTest, CdromsAreWhatAnyGuestReads) {
    EXPECT_EQ(drive_of("", "Media=cdrom"),
              (Texts{"-drive if=none,id=d,media=cdrom", "-device ide-cd,bus=ide.0,drive=d,id=d"}));
    EXPECT_EQ(drive_of("Machine=pc", "Media=cdrom\nFile=/a.iso"),
              (Texts{"-drive if=none,id=d,file=/a.iso,format=raw,media=cdrom",
                     "-device ide-cd,bus=ide.0,unit=0,drive=d,id=d"}));
    EXPECT_EQ(drive_of("Architecture=aarch64", "Media=cdrom").back(),
              "-device scsi-cd,bus=qemunit-scsi.0,drive=d,id=d");
    EXPECT_EQ(drive_of("Machine=microvm", "Media=cdrom").back(),
              "-device scsi-cd,bus=qemunit-scsi.0,drive=d,id=d");
    EXPECT_EQ(drive_of("", "Media=cdrom\nInterface=usb").back(),
              "-device usb-storage,bus=qemunit-usb.0,drive=d,id=d");
}

TEST(QemuArgumentsTest, DrivesShareTheirControllers) {
    EXPECT_EQ(devices("[Drive a]\nFile=/a\nInterface=scsi\n[Drive b]\nFile=/b\nInterface=scsi\n"
                      "[Drive c]\nFile=/c\nInterface=usb\n[Drive d]\nFile=/d\nInterface=usb\n"),
              (Texts{"-device virtio-scsi-pci,id=qemunit-scsi",
                     "-device scsi-hd,bus=qemunit-scsi.0,drive=a,id=a",
                     "-device scsi-hd,bus=qemunit-scsi.0,drive=b,id=b",
                     "-device qemu-xhci,id=qemunit-usb",
                     "-device usb-storage,bus=qemunit-usb.0,drive=c,id=c",
                     "-device usb-storage,bus=qemunit-usb.0,drive=d,id=d"}));
}

TEST(QemuArgumentsTest, DrivesTakeTheNextFreePort) {
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

TEST(QemuArgumentsTest, Networks) {
    EXPECT_EQ(options(arguments("[Network lan]\nMAC=52:54:00:aa:bb:cc\nHostForward=tcp::10022-:22\n"
                                "HostForward=udp:127.0.0.1:5353-10.0.2.15:53\n"),
                      {"-netdev", "-device"}),
              (Texts{"-netdev user,id=lan,hostfwd=tcp::10022-:22,"
                     "hostfwd=udp:127.0.0.1:5353-10.0.2.15:53",
                     "-device virtio-net-pci,netdev=lan,id=lan,mac=52:54:00:aa:bb:cc"}));
    EXPECT_EQ(
        options(arguments("[Network a]\nType=none\nModel=e1000\nMAC=52:54:00:aa:bb:cc\n"
                          "[Network b]\nType=none\nMAC=52:54:00:aa:bb:cd\n"),
                {"-netdev", "-device"}),
        (Texts{"-netdev hubport,id=a,hubid=0", "-device e1000,netdev=a,id=a,mac=52:54:00:aa:bb:cc",
               "-netdev hubport,id=b,hubid=1",
               "-device virtio-net-pci,netdev=b,id=b,mac=52:54:00:aa:bb:cd"}));
    EXPECT_EQ(devices("[VM]\nMachine=microvm\n[Network a]\nMAC=52:54:00:aa:bb:cc\n"),
              Texts{"-device virtio-net-device,netdev=a,id=a,mac=52:54:00:aa:bb:cc"});
}

// Guests have leases and interface names by it: it must never change.
TEST(QemuArgumentsTest, TheDefaultMacIsMadeFromTheNames) {
    const auto mac = [](const std::string &vm, const std::string &network) {
        const auto made = testing::from_files({{"a.ini", "[Network " + network + "]\n"}},
                                              Architecture::x86_64, vm);
        const std::string device =
            options(qemu_arguments(made.vm, Architecture::x86_64), {"-device"}).front();
        return device.substr(device.find("mac=") + 4);
    };
    EXPECT_EQ(mac("vm1", "lan"), "52:54:00:6c:e5:a1");
    EXPECT_EQ(mac("vm1", "lan"), mac("vm1", "lan"));
    EXPECT_NE(mac("vm1", "lan"), mac("vm2", "lan"));
    EXPECT_NE(mac("vm1", "lan"), mac("vm1", "wan"));
    EXPECT_TRUE(mac("a", "b").starts_with("52:54:00:"));
}

TEST(QemuArgumentsTest, SerialPortsOnX86) {
    EXPECT_EQ(options(arguments("[Serial debug]\n[Serial gdb]\n[Serial last]\n[Serial more]\n"),
                      {"-serial", "-device"}),
              (Texts{"-serial chardev:serial", "-serial chardev:debug", "-serial chardev:gdb",
                     "-serial chardev:last", "-device virtio-serial-pci,id=qemunit-virtio-serial",
                     "-device virtconsole,bus=qemunit-virtio-serial.0,chardev=more,id=more"}));
}

TEST(QemuArgumentsTest, SerialPortsWhereThereIsOneUart) {
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

TEST(QemuArgumentsTest, AVirtioPortLeavesTheUartToTheNext) {
    EXPECT_EQ(options(arguments("[VM]\nArchitecture=arm\n[Serial serial]\nType=virtio\n"
                                "[Serial debug]\n"),
                      {"-serial", "-device"}),
              (Texts{"-device virtio-serial-pci,id=qemunit-virtio-serial",
                     "-device virtconsole,bus=qemunit-virtio-serial.0,chardev=serial,id=serial",
                     "-serial chardev:debug"}));
}

TEST(QemuArgumentsTest, Vnc) {
    const auto screen = [](const std::string &machine) {
        return options(arguments("[VM]\n" + machine + "\nDisplay=vnc\n"),
                       {"-display", "-vnc", "-device"});
    };
    EXPECT_EQ(screen(""),
              (Texts{"-vnc unix:/var/lib/qemunit/vm1/vnc.sock", "-device VGA",
                     "-device qemu-xhci,id=qemunit-usb", "-device usb-kbd,bus=qemunit-usb.0",
                     "-device usb-tablet,bus=qemunit-usb.0"}));
    EXPECT_EQ(screen("Architecture=aarch64")[1], "-device virtio-gpu-pci");
    EXPECT_EQ(screen("Machine=microvm"),
              (Texts{"-vnc unix:/var/lib/qemunit/vm1/vnc.sock", "-device virtio-gpu-device"}));
}

TEST(QemuArgumentsTest, TheScreensKeyboardAndADriveShareTheUsbController) {
    const Texts found = devices("[VM]\nDisplay=vnc\n[Drive a]\nFile=/a\nInterface=usb\n");
    EXPECT_EQ(std::ranges::count(found, "-device qemu-xhci,id=qemunit-usb"), 1);
}

TEST(QemuArgumentsTest, FurtherArgumentsComeLastAsTheyAre) {
    const Texts words = arguments("[VM]\nArguments=-device \"a,b c\" ''\nArguments=-S\n");
    EXPECT_EQ(Texts(words.end() - 4, words.end()), (Texts{"-device", "a,b c", "", "-S"}));
}

TEST(QemuArgumentsTest, DevicesComeInTheOrderOfTheFile) {
    EXPECT_EQ(options(arguments("[Drive b]\nFile=/b\n[Drive a]\nFile=/a\n"), {"-drive"}),
              (Texts{"-drive if=none,id=b,file=/b,format=raw",
                     "-drive if=none,id=a,file=/a,format=raw"}));
}

TEST(AbsolutePathTest, ARelativePathIsInTheStateDirectory) {
    Vm vm;
    vm.name = "vm1";
    EXPECT_EQ(absolute_path(vm, FilePath{"/a/b"}), "/a/b");
    EXPECT_EQ(absolute_path(vm, FilePath{"b.img"}), "/var/lib/qemunit/vm1/b.img");
    EXPECT_EQ(absolute_path(vm, FilePath{"a/b.img"}), "/var/lib/qemunit/vm1/a/b.img");
}

}  // namespace
}  // namespace qemunit
