// SPDX-License-Identifier: MIT
//
// What no single line shows, in the exact words of each message.
#include "generator/contradictions.h"

#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"

namespace qemunit {
namespace {

using testing::from_ini;
using testing::Texts;

Texts said(const std::string &ini) {
    return from_ini(ini).said;
}

Texts error(unsigned line, const std::string &message) {
    return {"error: vm1.ini:" + std::to_string(line) + ": " + message};
}

std::string drives(int count, const std::string &interface) {
    std::string ini;
    for (int i = 0; i < count; ++i)
        ini += "[Drive d" + std::to_string(i) + "]\nFile=/a\nInterface=" + interface + "\n";
    return ini;
}

TEST(ContradictionsTest, AKernelsCompanionsNeedTheKernel) {
    EXPECT_EQ(said("[Boot]\nAppend=quiet\n"),
              error(2, "Append= needs Kernel=: only QEMU's own loader hands it over."));
    EXPECT_EQ(said("[Boot]\nInitrd=/i\n"),
              error(2, "Initrd= needs Kernel=: only QEMU's own loader hands it over."));
    EXPECT_EQ(said("[Boot]\nAppend=a\nInitrd=/i\n").size(), 2u);
    EXPECT_EQ(said("[Boot]\nAppend=a\nInitrd=/i\nKernel=/k\n"), Texts{});
    EXPECT_EQ(said("[Boot]\nAppend=a\nAppend=\n"), Texts{});
}

TEST(ContradictionsTest, ADiskIsAFile) {
    EXPECT_EQ(said("[VM]\n[Drive root]\nReadOnly=yes\n"),
              error(2, "Section [Drive root] has no File=: which image is it?"));
    EXPECT_EQ(said("[Drive root]\nFile=/a\nFile=\n"),
              error(1, "Section [Drive root] has no File=: which image is it?"));
    EXPECT_EQ(said("[Drive cd]\nMedia=cdrom\n"), Texts{});
}

TEST(ContradictionsTest, ACdromSitsOnABusThatHasThem) {
    for (const char *interface : {"virtio", "nvme", "floppy"})
        EXPECT_EQ(said("[Drive cd]\nMedia=cdrom\nInterface=" + std::string(interface) + "\n"),
                  error(2,
                        "Media=cdrom needs Interface=ide, sata, scsi or usb; without Interface= "
                        "one is chosen."));
    for (const char *interface : {"ide", "sata", "scsi", "usb"})
        EXPECT_EQ(said("[Drive cd]\nMedia=cdrom\nInterface=" + std::string(interface) + "\n"),
                  Texts{});
}

TEST(ContradictionsTest, AnIdeDiskIsAlwaysWritable) {
    for (const std::string interface : {"ide", "sata"})
        EXPECT_EQ(said("[Drive d]\nFile=/a\nReadOnly=yes\nInterface=" + interface + "\n"),
                  error(3, "ReadOnly=yes: a disk with Interface=" + interface +
                               " is always writable; choose another interface, or "
                               "Ephemeral=yes."));
    EXPECT_EQ(said("[Drive d]\nFile=/a\nReadOnly=yes\nInterface=ide\nMedia=cdrom\n"), Texts{});
    EXPECT_EQ(said("[Drive d]\nFile=/a\nReadOnly=yes\n"), Texts{});
}

TEST(ContradictionsTest, AnInterfaceNeedsItsBus) {
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

TEST(ContradictionsTest, ControllersHaveSoMuchRoom) {
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

TEST(ContradictionsTest, OnQ35BothKindsShareThePorts) {
    EXPECT_EQ(said(drives(6, "sata") + "[Drive cd]\nMedia=cdrom\n"),
              error(19, "Interface=ide: the machine 'q35' has no room for more than 6 drives."));
}

TEST(ContradictionsTest, AnAddedSataControllerHasSixPortsToo) {
    EXPECT_EQ(said("[VM]\nMachine=pc\n" + drives(6, "sata") + "[Drive cd]\nMedia=cdrom\n"),
              Texts{});
    EXPECT_EQ(said("[VM]\nMachine=pc\n" + drives(7, "sata")),
              error(23, "Interface=sata: the machine 'pc' has no more than 6 ports."));
}

TEST(ContradictionsTest, ForwardsNeedANetwork) {
    EXPECT_EQ(said("[Network lan]\nType=none\nHostForward=tcp::10022-:22\n"),
              error(3, "HostForward= needs Type=user or Type=passt."));
    for (const char *type : {"user", "passt"})
        EXPECT_EQ(
            said("[Network lan]\nType=" + std::string(type) + "\nHostForward=tcp::10022-:22\n"),
            Texts{});
}

TEST(ContradictionsTest, APrivilegedPortIsAWarning) {
    EXPECT_EQ(
        said("[Network lan]\nHostForward=tcp::1024-:22\nHostForward=tcp::80-:80\n"),
        Texts{"warning: vm1.ini:3: HostForward=tcp::80-:80: QEMU runs unprivileged and may not "
              "open port 80 of the host, unless net.ipv4.ip_unprivileged_port_start allows "
              "it."});
}

TEST(ContradictionsTest, IsaPortsAreAsManyAsTheMachineHas) {
    EXPECT_EQ(
        said("[VM]\nArchitecture=aarch64\n[Serial debug]\nType=isa\n"),
        error(4, "Type=isa: the machine 'virt' has room for 1 such port; write Type=virtio."));
    EXPECT_EQ(said("[Serial a]\nType=isa\n[Serial b]\nType=isa\n[Serial c]\nType=isa\n"), Texts{});
    EXPECT_EQ(
        said("[Serial a]\nType=isa\n[Serial b]\nType=isa\n[Serial c]\nType=isa\n"
             "[Serial d]\nType=isa\n"),
        error(8, "Type=isa: the machine 'q35' has room for 4 such ports; write Type=virtio."));
    EXPECT_EQ(said("[VM]\nArchitecture=arm\n[Serial serial]\nType=virtio\n[Serial a]\nType=isa\n"),
              Texts{});
    EXPECT_EQ(said("[Serial a]\n[Serial b]\n[Serial c]\n[Serial d]\n[Serial e]\n"), Texts{});
}

TEST(ContradictionsTest, SocketsOfQemuKeepTheirNames) {
    for (const char *name : {"monitor", "qmp", "control", "companion"})
        EXPECT_EQ(said("[VM]\n[Serial " + std::string(name) + "]\n"),
                  error(2, "A serial port must not be called '" + std::string(name) +
                               "': that socket is QEMU's."));
    for (const char *name : {"monitor", "qmp", "control", "companion"})
        EXPECT_EQ(said("[VM]\n[Channel " + std::string(name) + "]\n"),
                  error(2, "A channel must not be called '" + std::string(name) +
                               "': that socket is QEMU's."));
    EXPECT_EQ(said("[Drive monitor]\nFile=/a\n"), Texts{});
    EXPECT_EQ(said("[Share monitor]\nPath=/a\nType=virtiofs\n"), Texts{});
}

TEST(ContradictionsTest, TheGuestAgentHasASocketOfItsOwn) {
    EXPECT_EQ(said("[VM]\nGuestAgent=yes\n[Channel agent]\n"),
              error(3, "A channel must not be called 'agent': that socket is the guest agent's."));
    EXPECT_EQ(said("[VM]\nGuestAgent=yes\n[Serial agent]\n"),
              error(3,
                    "A serial port must not be called 'agent': that socket is the guest "
                    "agent's."));
    EXPECT_EQ(said("[Channel agent]\n"), Texts{});
}

TEST(ContradictionsTest, ASocketsPathHasAnEnd) {
    const std::string port(31, 'p');
    for (const auto &[name_length, fits] : {std::pair(57, true), std::pair(58, false)}) {
        Vm vm{.name = std::string(static_cast<std::size_t>(name_length), 'v')};
        vm.serials = {{.name = "serial"}, {.name = port}};
        Diagnostics diagnostics;
        find_contradictions(vm, Architecture::x86_64, diagnostics);
        EXPECT_EQ(diagnostics.empty(), fits) << name_length;
        if (!fits) {
            EXPECT_EQ(diagnostics.front().message,
                      "The socket /run/qemunit/" + vm.name + "/" + port +
                          ".sock would have a path of more than 107 characters: choose a shorter "
                          "name for the VM or for the device.");
        }
    }
}

TEST(ContradictionsTest, SoHaveThoseOfTheProgramsBesideQemu) {
    const std::string device(31, 'd');
    const auto check = [&](std::size_t length, const std::string &keys) {
        return testing::from_files({{"vm1.ini", keys}}, Architecture::x86_64,
                                   std::string(length, 'v'))
            .said;
    };
    const std::string folder = "[Share " + device + "]\nPath=/a\nType=virtiofs\nTag=t\n";
    EXPECT_EQ(check(54, folder), Texts{});
    EXPECT_EQ(check(55, folder),
              error(1, "The socket /run/qemunit-fs/" + std::string(55, 'v') + ":" + device +
                           "/sock would have a path of more than 107 characters: choose a "
                           "shorter name for the VM or for the device."));
    const std::string network = "[Network " + device + "]\nType=passt\n";
    EXPECT_EQ(check(51, network), Texts{});
    EXPECT_EQ(check(52, network).size(), 1u);
}

TEST(ContradictionsTest, OneNameIsOneDevice) {
    EXPECT_EQ(said("[Drive a]\nFile=/a\n[Network a]\n"),
              error(3, "The name 'a' is taken by section [Drive a]: QEMU's ids are unique."));
    EXPECT_EQ(said("[Network a]\n[Serial a]\n"),
              error(2, "The name 'a' is taken by section [Network a]: QEMU's ids are unique."));
    EXPECT_EQ(said("[Channel a]\n[Share a]\nPath=/a\n"),
              error(1, "The name 'a' is taken by section [Share a]: QEMU's ids are unique."));
    EXPECT_EQ(said("[Credential a]\nText=x\n[Drive a]\nFile=/a\n"), Texts{});
    EXPECT_EQ(said("[VM]\n[Drive serial]\nFile=/a\n"),
              Texts{"error: vm1.ini: The name 'serial' is taken by section [Drive serial]: QEMU's "
                    "ids are unique."});
    EXPECT_EQ(said("[Drive qemunit-scsi]\nFile=/a\n"),
              error(1, "Device names that begin with 'qemunit-' are our own."));
}

TEST(ContradictionsTest, AKeyboardIsForAScreen) {
    EXPECT_EQ(said("[VM]\nKeyboard=de\n"), error(2, "Keyboard= needs Display=vnc."));
    EXPECT_EQ(said("[VM]\nKeyboard=de\nDisplay=vnc\n"), Texts{});
}

TEST(ContradictionsTest, MicrovmHasNoPlaceForPciDevices) {
    const std::string microvm = "[VM]\nMachine=microvm\n";
    EXPECT_EQ(said(microvm + "TPM=yes\n"),
              error(3, "TPM=yes: the machine 'microvm' has no place for a TPM."));
    EXPECT_EQ(said(microvm + "Watchdog=yes\n"),
              error(3, "Watchdog=reset: the machine 'microvm' has no PCI bus for it."));
    EXPECT_EQ(said(microvm + "OnPanic=pause\n"),
              error(3,
                    "OnPanic=pause: the machine 'microvm' has no PCI bus for the panic "
                    "device."));
    EXPECT_EQ(said("[VM]\nArchitecture=riscv64\nTPM=yes\n"),
              error(3, "TPM=yes: the machine 'virt' has no place for a TPM."));
    EXPECT_EQ(said(microvm + "TPM=no\nWatchdog=no\nRNG=yes\nBalloon=yes\n"), Texts{});
}

TEST(ContradictionsTest, AnImageIsMadeWhereThereCanBeOne) {
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

TEST(ContradictionsTest, AnEmptyMediumIsForWriting) {
    EXPECT_EQ(said("[Drive d]\nFile=/a\nSize=1G\nReadOnly=yes\n"),
              error(3, "Size=: an empty medium that the guest cannot write is of no use."));
    EXPECT_EQ(said("[Drive d]\nFile=/a.qcow2\nBackingFile=/b\nMedia=cdrom\n"),
              error(3, "BackingFile=: an empty medium that the guest cannot write is of no use."));
    EXPECT_EQ(said("[Drive d]\nMedia=cdrom\nSize=1G\n"),
              (Texts{"error: vm1.ini:3: Size= needs File=.",
                     "error: vm1.ini:3: Size=: an empty medium that the guest cannot write is of "
                     "no use."}));
}

TEST(ContradictionsTest, NativeAioGoesAroundThePageCache) {
    for (const char *cache : {"", "Cache=writeback\n", "Cache=writethrough\n", "Cache=unsafe\n"})
        EXPECT_EQ(said("[Drive d]\nFile=/a\nAIO=native\n" + std::string(cache)),
                  error(3, "AIO=native needs Cache=none or Cache=directsync."));
    for (const char *cache : {"none", "directsync"})
        EXPECT_EQ(said("[Drive d]\nFile=/a\nAIO=native\nCache=" + std::string(cache) + "\n"),
                  Texts{});
}

TEST(ContradictionsTest, ASerialNumberFitsItsBus) {
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

TEST(ContradictionsTest, APlaceInTheOrderIsForOne) {
    EXPECT_EQ(said("[Drive a]\nFile=/a\nBootIndex=1\n[Network b]\nBootIndex=1\n"),
              error(5, "BootIndex=1 is taken by section [Drive a]."));
    EXPECT_EQ(said("[Boot]\nOrder=a\n[Drive a]\nFile=/a\nBootIndex=1\n"),
              error(5, "BootIndex=1: Order= in [Boot] has a place for 'a' already."));
    EXPECT_EQ(said("[Boot]\nOrder=a\n[Drive a]\nFile=/a\n[Network b]\nBootIndex=0\n"),
              error(6, "BootIndex=0 is taken by Order= in [Boot]."));
    EXPECT_EQ(said("[Boot]\nOrder=a\n[Drive a]\nFile=/a\n[Network b]\nBootIndex=1\n"), Texts{});
    const std::string kernel = "[Boot]\nKernel=/k\n";
    EXPECT_EQ(said(kernel + "[Drive a]\nFile=/a\nBootIndex=0\n"),
              error(5, "BootIndex=0 is taken by Kernel= in [Boot]."));
    EXPECT_EQ(said(kernel + "Order=a\n[Drive a]\nFile=/a\n[Network b]\nBootIndex=1\n"),
              error(7, "BootIndex=1 is taken by Order= in [Boot]."));
    EXPECT_EQ(said("[Drive a]\nFile=/a\nInterface=floppy\nBootIndex=1\n"),
              error(4, "BootIndex= is not for floppies; use Order= in [Boot]."));
    EXPECT_EQ(said("[Drive a]\nFile=/a\nBootIndex=1\n[Network b]\nBootIndex=0\n"), Texts{});
}

TEST(ContradictionsTest, TheOrderNamesDevicesOfTheVm) {
    EXPECT_EQ(said("[Boot]\nOrder=root\nOrder=lan\n[Network lan]\n"),
              error(3, "Order=: no drive and no network card is called 'root'."));
    EXPECT_EQ(said("[Boot]\nOrder=cdx\n"),
              error(2, "Order=: no drive and no network card is called 'cdx'."));
    // Letters stand alone.
    EXPECT_EQ(said("[Boot]\nOrder=c d\n").size(), 2u);
    EXPECT_EQ(said("[Boot]\nOrder=debug\n[Serial debug]\n").size(), 1u);
    EXPECT_EQ(said("[Boot]\nOrder=f\n[Drive f]\nFile=/f\nInterface=floppy\n"),
              error(2, "Order=: 'f' is a floppy, which has a letter only; write a."));
    EXPECT_EQ(said("[Boot]\nOrder=a\n[Drive f]\nFile=/f\nInterface=floppy\n"), Texts{});
}

TEST(ContradictionsTest, KeysOfANetworkGoWithItsType) {
    const auto network = [](const std::string &type, const std::string &key) {
        return said("[Network n]\nType=" + type + "\n" + key + "\n");
    };
    for (const char *type : {"tap", "passt", "none"})
        EXPECT_EQ(network(type, "Restrict=yes"), error(3, "Restrict= needs Type=user."));
    EXPECT_EQ(network("tap", "HostForward=tcp::10022-:22"),
              error(3, "HostForward= needs Type=user or Type=passt."));
    for (const char *type : {"user", "passt", "none"}) {
        EXPECT_EQ(network(type, "Interface=tap0"),
                  error(3, "Interface= needs Type=tap or Type=bridge."));
        EXPECT_EQ(network(type, "Bridge=br0"), error(3, "Bridge= needs Type=bridge."));
    }
    EXPECT_EQ(network("tap", "Bridge=br0"), error(3, "Bridge= needs Type=bridge."));
    EXPECT_EQ(network("bridge", ""),
              error(2, "Type=bridge needs Bridge=: which bridge of the host is it?"));
    EXPECT_EQ(network("bridge", "Bridge=br0\nInterface=tap0"), Texts{});
    EXPECT_EQ(network("passt", "HostForward=tcp::10022-10.0.2.15:22"),
              error(3,
                    "HostForward=tcp::10022-10.0.2.15:22: with Type=passt, a forward has no "
                    "guest address."));
}

TEST(ContradictionsTest, AGuestThatHibernatesFindsAllAsItWas) {
    const std::string hibernate = "[VM]\nStop=hibernate\n";
    EXPECT_EQ(said(hibernate + "LoadSnapshot=clean\n"),
              error(3,
                    "LoadSnapshot= and Stop=hibernate exclude each other: the VM can start from "
                    "one state only."));
    EXPECT_EQ(said(hibernate + "[Drive a]\nFile=/a\nEphemeral=yes\n"),
              error(5,
                    "Ephemeral=yes and Stop=hibernate exclude each other: what the guest wrote "
                    "would be missing when it resumes."));
    EXPECT_EQ(said(hibernate + "[Share s]\nPath=/s\nType=virtiofs\n"),
              Texts{"warning: vm1.ini:5: Type=virtiofs: QEMU cannot save such a share; instead of "
                    "hibernating, the guest is shut down."});
}

TEST(ContradictionsTest, AForwardOfAllAddressesLeavesNoneForAnother) {
    const auto both = [](const std::string &one, const std::string &other) {
        return said("[Network a]\nHostForward=" + one + "\nHostForward=" + other + "\n").size();
    };
    EXPECT_EQ(both("tcp::2022-:22", "tcp:127.0.0.1:2022-:22"), 1u);
    EXPECT_EQ(both("tcp:127.0.0.1:2022-:22", "tcp:0.0.0.0:2022-:22"), 1u);
    EXPECT_EQ(both("tcp:127.0.0.1:2022-:22", "tcp:127.0.0.2:2022-:22"), 0u);
    EXPECT_EQ(both("tcp::2022-:22", "udp::2022-:22"), 0u);
}

TEST(ContradictionsTest, WhatOneCardHasNoOtherHas) {
    EXPECT_EQ(said("[Network a]\nMAC=52:54:00:12:34:56\n[Network b]\nMAC=52:54:00:12:34:56\n"),
              error(4, "The address 52:54:00:12:34:56 is taken by section [Network a]."));
    EXPECT_EQ(said("[Network a]\nType=tap\nInterface=tap0\n[Network b]\nType=bridge\nBridge=br0\n"
                   "Interface=tap0\n"),
              error(7, "The interface tap0 is taken by section [Network a]."));
    EXPECT_EQ(said("[Network a]\nHostForward=tcp::2022-:22\n[Network b]\n"
                   "HostForward=tcp::2022-:23\n"),
              error(4,
                    "HostForward=tcp::2022-:23: HostForward=tcp::2022-:22 has that port of the "
                    "host already."));
    EXPECT_EQ(said("[Network a]\nHostForward=tcp::2022-:22\nHostForward=udp::2022-:22\n"
                   "HostForward=tcp::2023-:22\n"),
              Texts{});
}

TEST(ContradictionsTest, AFolderThatIsShared) {
    EXPECT_EQ(said("[VM]\n[Share src]\nReadOnly=yes\n"),
              error(2, "Section [Share src] has no Path=: which folder is it?"));
    EXPECT_EQ(said("[Share src]\nPath=/a\nType=vfat\nTag=x\n"),
              error(4, "Tag= is not for Type=vfat, which the guest sees as a disk."));
    EXPECT_EQ(said("[Share a]\nPath=/a\n[Share b]\nPath=/b\nType=virtiofs\nTag=a\n"),
              error(6, "The tag a is taken by section [Share a]."));
    const auto tag = [](const std::string &type, std::size_t length) {
        return said("[Share s]\nPath=/a\nType=" + type + "\nTag=" + std::string(length, 't') +
                    "\n");
    };
    EXPECT_EQ(tag("9p", 31), Texts{});
    EXPECT_EQ(tag("9p", 32),
              error(4, "Tag=" + std::string(32, 't') + ": longer than 31 characters."));
    EXPECT_EQ(tag("virtiofs", 36), Texts{});
    EXPECT_EQ(tag("virtiofs", 37),
              error(4, "Tag=" + std::string(37, 't') + ": longer than 36 characters."));
}

TEST(ContradictionsTest, AGuestHasOneRoot) {
    const std::string boot = "[Boot]\nKernel=/k\n";
    EXPECT_EQ(said("[Share r]\nPath=/r\nRoot=yes\n"),
              error(3, "Root= needs Kernel= in [Boot]: firmware cannot boot from a folder."));
    EXPECT_EQ(said(boot + "[Share r]\nPath=/r\nType=vfat\nRoot=yes\n"),
              error(6, "Root= needs Type=9p or Type=virtiofs."));
    EXPECT_EQ(said(boot + "[Share r]\nPath=/r\nRoot=yes\n[Share s]\nPath=/s\nRoot=yes\n"),
              error(8, "A guest has one root file system; another share has Root=yes."));
    EXPECT_EQ(said(boot + "[Share r]\nPath=/r\nRoot=yes\n[Share s]\nPath=/s\n"), Texts{});
}

TEST(ContradictionsTest, ACredentialComesFromSomewhere) {
    EXPECT_EQ(said("[VM]\n[Credential a]\n"),
              error(2,
                    "Section [Credential a] has no File= and no Text=, and [Service] has no "
                    "LoadCredential=a."));
    EXPECT_EQ(said("[Credential a]\n[Service]\nLoadCredential=ab:/x\n").size(), 1u);
    for (const char *setting :
         {"LoadCredential=a:/x", "LoadCredentialEncrypted=a:/x", "SetCredential=a:x",
          "SetCredentialEncrypted=a:eA==", "LoadCredential=a"})
        EXPECT_EQ(said("[Credential a]\n[Service]\n" + std::string(setting) + "\n"), Texts{});
    EXPECT_EQ(said("[Credential a]\nFile=/x\nText=y\n"),
              error(3, "File= and Text= both say what the credential is; use one."));
    EXPECT_EQ(said("[Credential a]\nFile=/x\\\n"),
              error(2, "The credential's file must not end with a backslash."));
}

TEST(ContradictionsTest, ACredentialsNameFitsFwCfg) {
    EXPECT_EQ(said("[Credential " + std::string(28, 'c') + "]\nText=x\n"), Texts{});
    EXPECT_EQ(said("[Credential " + std::string(29, 'c') + "]\nText=x\n"),
              error(1, "The name '" + std::string(29, 'c') +
                           "' is longer than 28 characters, which is all that QEMU's fw_cfg has "
                           "room for."));
}

TEST(ContradictionsTest, ADescriptionDoesNotContinue) {
    EXPECT_EQ(said("[VM]\nDescription=a\\\n"),
              error(2, "Description= must not end with a backslash."));
    EXPECT_EQ(said("[VM]\nDescription=a\\\\\n"), Texts{});
}

TEST(ContradictionsTest, NobodyIsIdleForLessThanASecond) {
    EXPECT_EQ(said("[VM]\nIdleTimeout=20ms\n"),
              error(2, "IdleTimeout=20ms: too short; write 1s or more, or 0 for never."));
    EXPECT_EQ(said("[VM]\nIdleTimeout=0\n"), Texts{});
}

TEST(ContradictionsTest, WhoShallSayThatTheVmIsReadyMustBeThere) {
    EXPECT_EQ(said("[VM]\nReady=agent\n"), error(2, "Ready=agent needs GuestAgent=yes."));
    EXPECT_EQ(said("[VM]\nReady=agent\nGuestAgent=yes\n"), Texts{});
    EXPECT_EQ(said("[VM]\nReady=serial:x\n[Serial serial]\nDirect=yes\n"),
              error(2,
                    "Ready=serial: needs the relay of the first serial port; take Direct=yes out "
                    "of [Serial serial]."));
    EXPECT_EQ(said("[VM]\nReady=serial:x\n[Serial serial]\nLog=no\n[Serial b]\nDirect=yes\n"),
              Texts{});
    EXPECT_EQ(said("[VM]\nReady=started\n[Serial serial]\nDirect=yes\n"), Texts{});
    EXPECT_EQ(said("[VM]\nReady=notify\n"),
              error(2, "Ready=notify needs VSockCID=, by which the guest says it."));
    EXPECT_EQ(said("[VM]\nReady=notify\nVSockCID=3\nLoadSnapshot=a\n[Drive a]\nFile=a.qcow2\n"),
              error(2,
                    "Ready=notify and LoadSnapshot= exclude each other: a guest in a snapshot "
                    "says that it is up to a VM that has ended."));
    EXPECT_EQ(said("[VM]\nReady=notify\nVSockCID=42\n"), Texts{});
    EXPECT_EQ(said("[VM]\nReady=notify\nVSockCID=42\n"
                   "[Credential vmm.notify_socket]\nText=vsock-stream:2:9999\n"),
              error(4,
                    "[Credential vmm.notify_socket] and Ready=notify exclude each other: the "
                    "guest has one place to say that it is up."));
}

}  // namespace
}  // namespace qemunit
