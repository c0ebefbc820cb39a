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
              error(3, "HostForward= needs Type=user."));
    EXPECT_EQ(said("[Network lan]\nHostForward=tcp::10022-:22\n"), Texts{});
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
    EXPECT_EQ(said("[Drive monitor]\nFile=/a\n"), Texts{});
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
                          "name for the VM or for the port.");
        }
    }
}

TEST(ContradictionsTest, OneNameIsOneDevice) {
    EXPECT_EQ(said("[Drive a]\nFile=/a\n[Network a]\n"),
              error(3, "The name 'a' is taken by section [Drive a]: QEMU's ids are unique."));
    EXPECT_EQ(said("[Network a]\n[Serial a]\n"),
              error(2, "The name 'a' is taken by section [Network a]: QEMU's ids are unique."));
    EXPECT_EQ(said("[VM]\n[Drive serial]\nFile=/a\n"),
              Texts{"error: vm1.ini: The name 'serial' is taken by section [Drive serial]: QEMU's "
                    "ids are unique."});
    EXPECT_EQ(said("[Drive qemunit-scsi]\nFile=/a\n"),
              error(1, "Device names that begin with 'qemunit-' are our own."));
}

TEST(ContradictionsTest, ADescriptionDoesNotContinue) {
    EXPECT_EQ(said("[VM]\nDescription=a\\\n"),
              error(2, "Description= must not end with a backslash."));
    EXPECT_EQ(said("[VM]\nDescription=a\\\\\n"), Texts{});
}

}  // namespace
}  // namespace qemunit
