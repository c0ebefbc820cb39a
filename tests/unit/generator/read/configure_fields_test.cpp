// SPDX-License-Identifier: MIT
//
// Ini texts -> a VM: what each key fills.
#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"

namespace qemunit::generator {
namespace {

using testing::Texts;
using testing::vm_of;

TEST(ConfigureTest, AnEmptyFileIsAVmOfDefaults) {
    const Vm vm = vm_of("");
    EXPECT_EQ(vm.name, "vm1");
    EXPECT_EQ(vm.source_path, "vm1.ini");
    EXPECT_FALSE(vm.memory);
    EXPECT_TRUE(vm.drives.empty());
    EXPECT_TRUE(vm.networks.empty());
    ASSERT_EQ(vm.serials.size(), 1u);
    EXPECT_EQ(vm.serials[0].name, "serial");
    EXPECT_TRUE(vm.serials[0].log);
}

TEST(ConfigureTest, EveryKeyReachesItsField) {
    const Vm vm = vm_of(R"([VM]
Description=A "test" of %n
Architecture=aarch64
Machine=virt-7.2
Accelerator=tcg
CPU=host,-svm
CPUs=4
Memory=2G
UUID=6ba7b810-9dad-11d1-80b4-00c04fd430c8
Firmware=uefi
Display=vnc
QEMU=/opt/qemu
Arguments=-device "x y"
[Boot]
Kernel=/k
Initrd=/i
Shim=/s
Append=quiet
[Drive root]
File=/a.img
Format=qcow2
Interface=scsi
Media=cdrom
ReadOnly=yes
Ephemeral=on
[Network lan]
Type=user
Model=e1000
MAC=52:54:00:12:34:56
HostForward=tcp::10022-:22
[Serial debug]
Type=virtio
Log=no
Direct=yes
SocketMode=0600
SocketUser=joe
SocketGroup=staff
[Monitor]
SocketMode=0666
SocketUser=ann
SocketGroup=1000
[Unit]
After=a.service
[Service]
Nice=5
[Install]
WantedBy=machines.target multi-user.target
RequiredBy=b.service
)");
    EXPECT_EQ(vm.description, "A \"test\" of %n");
    EXPECT_EQ(vm.architecture, Architecture::aarch64);
    EXPECT_EQ(vm.machine->text, "virt-7.2");
    EXPECT_EQ(vm.accelerator, Accelerator::tcg);
    EXPECT_EQ(vm.cpu, "host,-svm");
    EXPECT_EQ(vm.cpus->count, 4u);
    EXPECT_EQ(vm.memory->bytes, uint64_t{2} << 30);
    EXPECT_EQ(vm.uuid->text, "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    EXPECT_EQ(vm.firmware, Firmware::uefi);
    EXPECT_EQ(vm.display, Display::vnc);
    EXPECT_EQ(vm.qemu->text, "/opt/qemu");
    ASSERT_EQ(vm.arguments.size(), 2u);
    EXPECT_EQ(vm.arguments[1].text, "x y");
    EXPECT_EQ(vm.boot.kernel->text, "/k");
    EXPECT_EQ(vm.boot.initrd->text, "/i");
    EXPECT_EQ(vm.boot.shim->text, "/s");
    EXPECT_EQ(vm.boot.append, Texts{"quiet"});

    ASSERT_EQ(vm.drives.size(), 1u);
    const Drive &drive = vm.drives[0];
    EXPECT_EQ(drive.name, "root");
    EXPECT_EQ(drive.file->text, "/a.img");
    EXPECT_EQ(drive.format->text, "qcow2");
    EXPECT_EQ(drive.interface, DriveInterface::scsi);
    EXPECT_EQ(drive.media, DriveMedia::cdrom);
    EXPECT_TRUE(drive.read_only);
    EXPECT_TRUE(drive.ephemeral);

    ASSERT_EQ(vm.networks.size(), 1u);
    const Network &network = vm.networks[0];
    EXPECT_EQ(network.name, "lan");
    EXPECT_EQ(network.type, NetworkType::user);
    EXPECT_EQ(network.model->text, "e1000");
    EXPECT_EQ(network.mac->text, "52:54:00:12:34:56");
    ASSERT_EQ(network.host_forwards.size(), 1u);
    EXPECT_EQ(network.host_forwards[0].text, "tcp::10022-:22");

    ASSERT_EQ(vm.serials.size(), 2u);
    const Serial &serial = vm.serials[1];
    EXPECT_EQ(serial.name, "debug");
    EXPECT_EQ(serial.type, SerialType::virtio);
    EXPECT_FALSE(serial.log);
    EXPECT_TRUE(serial.direct);
    EXPECT_EQ(serial.socket.mode->bits, 0600u);
    EXPECT_EQ(serial.socket.user->text, "joe");
    EXPECT_EQ(serial.socket.group->text, "staff");

    EXPECT_EQ(vm.monitor.mode->bits, 0666u);
    EXPECT_EQ(vm.monitor.user->text, "ann");
    EXPECT_EQ(vm.monitor.group->text, "1000");
    ASSERT_EQ(vm.unit_lines.size(), 1u);
    EXPECT_EQ(vm.unit_lines[0].key, "After");
    EXPECT_EQ(vm.unit_lines[0].value, "a.service");
    ASSERT_EQ(vm.service_lines.size(), 1u);
    EXPECT_EQ(vm.service_lines[0].key, "Nice");
    EXPECT_EQ(vm.wanted_by, (Texts{"machines.target", "multi-user.target"}));
    EXPECT_EQ(vm.required_by, Texts{"b.service"});
}

TEST(ConfigureTest, EveryKeyAddedLaterDoesSoToo) {
    const Vm vm = vm_of(R"([VM]
Firmware=uefi
Display=vnc
Keyboard=de-ch
Clock=localtime
TPM=yes
Watchdog=inject-nmi
RNG=yes
Balloon=yes
VSockCID=42
GuestAgent=yes
User=joe
Activation=socket
StartTimeout=5min
StopTimeout=90s
Timeout=1day
OnPanic=restart
LoadSnapshot=clean boot
[Boot]
Kernel=/k
Order=lan root
Order=cd
Menu=yes
[Drive root]
File=root.qcow2
Size=20G
BackingFile=/srv/base.img
Cache=none
Discard=yes
AIO=native
Serial=S 42
[Drive cd]
Media=cdrom
[Network lan]
Type=bridge
Interface=tap7
Bridge=br0
[Network wan]
Restrict=yes
[Share src]
Path=/srv/src
Type=virtiofs
Tag=sources
ReadOnly=yes
Root=yes
[Channel events]
SocketMode=0600
SocketUser=joe
SocketGroup=staff
[Credential motd]
Text=hello
[Credential key]
File=/etc/key
)");
    EXPECT_EQ(vm.firmware, Firmware::uefi);
    EXPECT_EQ(vm.keyboard->text, "de-ch");
    EXPECT_EQ(vm.clock->text, "localtime");
    EXPECT_TRUE(vm.tpm && vm.rng && vm.balloon && vm.guest_agent);
    EXPECT_EQ(vm.watchdog, WatchdogAction::inject_nmi);
    EXPECT_EQ(vm.vsock_cid->number, 42u);
    EXPECT_EQ(vm.user->text, "joe");
    EXPECT_EQ(vm.activation, Activation::socket);
    EXPECT_EQ(vm.start_timeout->text, "5min");
    EXPECT_EQ(vm.stop_timeout->text, "90s");
    EXPECT_EQ(vm.timeout->text, "1day");
    EXPECT_EQ(vm.on_panic, PanicAction::restart);
    EXPECT_EQ(vm.load_snapshot, "clean boot");
    EXPECT_EQ(vm.boot.order, (Texts{"lan", "root", "cd"}));
    EXPECT_TRUE(vm.boot.menu);

    ASSERT_EQ(vm.drives.size(), 2u);
    const Drive &drive = vm.drives[0];
    EXPECT_EQ(drive.size->bytes, uint64_t{20} << 30);
    EXPECT_EQ(drive.backing_file->text, "/srv/base.img");
    EXPECT_TRUE(drive.is_made_by_us());
    EXPECT_EQ(drive.cache, DriveCache::none);
    EXPECT_TRUE(drive.discard);
    EXPECT_EQ(drive.aio, DriveAio::native);
    EXPECT_EQ(drive.serial, "S 42");
    EXPECT_FALSE(vm.drives[1].is_made_by_us());

    ASSERT_EQ(vm.networks.size(), 2u);
    EXPECT_EQ(vm.networks[0].type, NetworkType::bridge);
    EXPECT_EQ(vm.networks[0].interface->text, "tap7");
    EXPECT_EQ(vm.networks[0].bridge->text, "br0");
    EXPECT_FALSE(vm.networks[0].restricted);
    EXPECT_TRUE(vm.networks[1].restricted);

    ASSERT_EQ(vm.shares.size(), 1u);
    EXPECT_EQ(vm.shares[0].path->text, "/srv/src");
    EXPECT_EQ(vm.shares[0].type, ShareType::virtiofs);
    EXPECT_EQ(vm.shares[0].tag->text, "sources");
    EXPECT_TRUE(vm.shares[0].read_only);
    EXPECT_TRUE(vm.shares[0].root);

    ASSERT_EQ(vm.channels.size(), 1u);
    EXPECT_EQ(vm.channels[0].name, "events");
    EXPECT_EQ(vm.channels[0].socket.mode->bits, 0600u);
    EXPECT_EQ(vm.channels[0].socket.user->text, "joe");
    EXPECT_EQ(vm.channels[0].socket.group->text, "staff");
    ASSERT_EQ(vm.credentials.size(), 2u);
    EXPECT_EQ(vm.credentials[0].text, "hello");
    EXPECT_EQ(vm.credentials[1].file->text, "/etc/key");
    EXPECT_EQ(vm_of("[Drive a]\nFile=/a\nBootIndex=7\n").drives[0].boot_index->number, 7u);
    EXPECT_EQ(vm_of("[Network a]\nBootIndex=8\n").networks[0].boot_index->number, 8u);
}

TEST(ConfigureTest, TheLastAssignmentOfAScalarCounts) {
    EXPECT_EQ(vm_of("[VM]\nCPUs=2\nCPUs=3\n").cpus->count, 3u);
    EXPECT_EQ(vm_of("[VM]\nCPUs=2\n[Boot]\n[VM]\nCPUs=4\n").cpus->count, 4u);
}

TEST(ConfigureTest, AnEmptyScalarIsTheDefaultAgain) {
    const Vm vm = vm_of(
        "[VM]\nCPUs=2\nCPUs=\nDescription=x\nDescription=\nAccelerator=tcg\nAccelerator=\n"
        "[Serial serial]\nLog=no\nLog=\nSocketMode=0600\nSocketMode=\n"
        "[Drive a]\nFile=/a\nReadOnly=yes\nReadOnly=\nMedia=cdrom\nMedia=\n");
    EXPECT_FALSE(vm.cpus);
    EXPECT_EQ(vm.description, "");
    EXPECT_EQ(vm.accelerator, Accelerator::automatic);
    EXPECT_TRUE(vm.serials[0].log);
    EXPECT_FALSE(vm.serials[0].socket.mode);
    EXPECT_FALSE(vm.drives[0].read_only);
    EXPECT_EQ(vm.drives[0].media, DriveMedia::disk);
}

TEST(ConfigureTest, ListsGrowAndAnEmptyAssignmentEmptiesThem) {
    EXPECT_EQ(vm_of("[Boot]\nKernel=/k\nAppend=a b\nAppend=c\n").boot.append, (Texts{"a b", "c"}));
    EXPECT_EQ(vm_of("[Boot]\nKernel=/k\nAppend=a\nAppend=\nAppend=c\n").boot.append, Texts{"c"});
    EXPECT_EQ(vm_of("[Boot]\nOrder=x\nOrder=\nOrder=n\n").boot.order, Texts{"n"});
    const Vm vm = vm_of(
        "[VM]\nArguments=-a b\nArguments=\nArguments=-c\nArguments='d e'\n"
        "[Network n]\nHostForward=tcp::2000-:1\nHostForward=tcp::2001-:2\nHostForward=\n"
        "HostForward=udp::2002-:3\n"
        "[Install]\nWantedBy=a.target\nWantedBy=\nWantedBy=b.target\nRequiredBy=c.target\n");
    ASSERT_EQ(vm.arguments.size(), 2u);
    EXPECT_EQ(vm.arguments[0].text, "-c");
    EXPECT_EQ(vm.arguments[1].text, "d e");
    ASSERT_EQ(vm.networks[0].host_forwards.size(), 1u);
    EXPECT_EQ(vm.networks[0].host_forwards[0].text, "udp::2002-:3");
    EXPECT_EQ(vm.wanted_by, Texts{"b.target"});
    EXPECT_EQ(vm.required_by, Texts{"c.target"});
}

TEST(ConfigureTest, AHeaderAloneMakesTheDevice) {
    EXPECT_EQ(vm_of("[Network lan]\n").networks.size(), 1u);
    EXPECT_EQ(vm_of("[Serial debug]\n").serials.size(), 2u);
    EXPECT_EQ(vm_of("[Serial serial]\n").serials.size(), 1u);
}

}  // namespace
}  // namespace qemunit::generator
