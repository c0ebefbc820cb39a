// SPDX-License-Identifier: MIT
//
// Keys of the ini file, each as the guest sees it, or else as QEMU's monitor shows it.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {
namespace {

std::string monitor(const VmUnderTest &vm, const std::string &command) {
    const BusReply reply = monitor_command(vm.name(), command);
    EXPECT_EQ(reply.error, "") << reply;
    return reply.value;
}

TEST(Devices, DrivesAreWhatTheIniSays) {
    const std::string folder = "/srv/images of, all kinds";
    std::filesystem::create_directories(folder);
    ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", "/srv/base.qcow2", "64M"}).ok());
    VmUnderTest vm("drives", silent_linux_ini() + "[Drive virtio]\nFile=" + folder +
                                 "/a.qcow2\nSize=32M\nSerial=number-1\nDiscard=yes\n"
                                 "Cache=none\nAIO=native\n"
                                 "[Drive scsi]\nFile=layer.qcow2\nBackingFile=/srv/base.qcow2\n"
                                 "Interface=scsi\nSerial=number-2\nAIO=io_uring\n"
                                 "[Drive nvme]\nFile=small.raw\nSize=8M\nInterface=nvme\n"
                                 "[Drive cd]\nFile=/srv/base.qcow2\nFormat=raw\nMedia=cdrom\n"
                                 "Interface=scsi\n"
                                 "[Drive sata]\nFile=sata.img\nSize=1M\nInterface=sata\n"
                                 "[Drive usb]\nFile=usb.img\nSize=1M\nInterface=usb\n"
                                 "BootIndex=3\n"
                                 "[Drive floppy]\nFile=floppy.img\nSize=1440K\nInterface=floppy\n"
                                 "[Drive throwaway]\nFile=/srv/base.qcow2\nEphemeral=yes\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_blk virtio_scsi sd_mod sr_mod");
    EXPECT_EQ(guest.run("cat /sys/block/vda/serial"), "number-1");
    EXPECT_EQ(guest.run("cat /sys/block/vda/size"), "65536\n");
    EXPECT_EQ(guest.run("cat /sys/block/sda/size"), "131072\n");  // the backing file's
    EXPECT_EQ(guest.run("cat /sys/block/nvme0n1/size"), "16384\n");
    expect_contains(guest.run("cat /sys/class/nvme/nvme0/serial"), "nvme");
    EXPECT_EQ(guest.run("cat /sys/block/sr0/removable"), "1\n");
    EXPECT_EQ(guest.run("echo hello >/dev/vdb; sync; head -c 5 /dev/vdb; echo"), "hello\n");

    const std::string block = monitor(vm, "info block");
    expect_contains(block, "writeback, direct");
    expect_contains(block, "Backing file:     /dev/fdset/");
    const std::string tree = monitor(vm, "info qtree");
    for (const char *device :
         {"dev: usb-storage, id \"usb\"", "dev: floppy, id \"floppy\"", "dev: ide-hd, id \"sata\""})
        expect_contains(tree, device);
    expect_contains(monitor(vm, "qom-get /machine/peripheral/usb bootindex"), "3");
    EXPECT_TRUE(vm.stop().ok());
    std::filesystem::remove_all(folder);
}

TEST(Devices, AnImageThatExistsIsNeverMadeAnew) {
    const std::string image = "/srv/precious.qcow2";
    write_file(image, "not an image at all");
    VmUnderTest vm("precious", boot_sector_ini() + "[Drive data]\nFile=" + image + "\nSize=1G\n");
    const Finished started = vm.start();
    EXPECT_FALSE(started.ok());
    EXPECT_EQ(read_file(image), "not an image at all");
    std::filesystem::remove(image);
}

TEST(Devices, AnImageThatCannotBeMadeSaysWhyInTheVmsJournal) {
    VmUnderTest vm("nofolder", boot_sector_ini() +
                                   "[Drive data]\nFile=/srv/nowhere/x.qcow2\n"
                                   "Size=1G\n");
    EXPECT_FALSE(vm.start().ok());
    expect_contains(vm.status().output,
                    "/srv/nowhere/x.qcow2: the image could not be made; `systemctl status "
                    "qemu-image@nofolder` says why.");
    const std::string log = journalctl(vm.unit());
    expect_contains(log,
                    "qemunit-image: cannot create /srv/nowhere/x.qcow2: cannot open /srv/nowhere: "
                    "No such file or directory");
    run({"systemctl", "reset-failed", "qemu-image@nofolder.service"});
}

TEST(Devices, SmallDevicesAreThere) {
    VmUnderTest vm("small", silent_linux_ini() +
                                "[VM]\nTPM=yes\nRNG=yes\nBalloon=yes\nWatchdog=pause\n"
                                "OnPanic=pause\nGuestAgent=yes\nClock=2031-02-03T04:05:00\n"
                                "UUID=6ba7b810-9dad-11d1-80b4-00c04fd430c8\nCPUs=2\n"
                                "Display=vnc\nKeyboard=de\n"
                                "[Channel events]\n"
                                "[Serial more]\nType=virtio\n"
                                "[Credential greeting]\nText=50% of a\\b, \"c\" $d \n"
                                "[Credential secret]\nFile=/etc/shadow\n"
                                "[Credential loaded]\n"
                                "[Service]\nLoadCredential=loaded:/etc/hostname\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_rng virtio_console virtio_balloon qemu_fw_cfg");
    EXPECT_EQ(guest.run("cat /sys/class/tpm/tpm0/tpm_version_major"), "2\n");
    expect_contains(guest.run("cat /sys/class/misc/hw_random/rng_available"), "virtio_rng");
    expect_contains(guest.run("date -u +%F"), "2031-02-03");
    expect_contains(guest.run("cat /sys/class/dmi/id/product_uuid"),
                    "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    EXPECT_EQ(guest.run("nproc"), "2\n");
    expect_contains(guest.run("cat /sys/class/virtio-ports/*/name"), "org.qemu.guest_agent.0");
    const std::string credentials = "/sys/firmware/qemu_fw_cfg/by_name/opt/io.systemd.credentials/";
    EXPECT_EQ(guest.run("cat " + credentials + "greeting/raw; echo"), "50% of a\\b, \"c\" $d\n");
    EXPECT_EQ(guest.run("cat " + credentials + "loaded/raw"), read_file("/etc/hostname"));
    expect_contains(guest.run("head -1 " + credentials + "secret/raw"), "root:");
    for (const std::string &word : vm.command_line())
        EXPECT_EQ(word.find("50%"), std::string::npos) << word;

    expect_contains(monitor(vm, "info balloon"), "actual=256");
    EXPECT_EQ(monitor(vm, "balloon 200"), "");
    const std::string tree = monitor(vm, "info qtree");
    expect_contains(tree, "dev: i6300esb");
    expect_contains(tree, "dev: pvpanic-pci");
    expect_contains(monitor(vm, "info vnc"), "vnc.sock");

    auto host = UnixClient::connect(vm.socket("events"));
    ASSERT_TRUE(host) << host.error().message;
    guest.run("port=$(grep -l '^events$' /sys/class/virtio-ports/*/name | cut -d/ -f5)");
    guest.run("echo from the guest >/dev/$port");
    auto heard = host->read_until("from the guest\n");
    EXPECT_TRUE(heard) << heard.error().message;
    ASSERT_TRUE(host->send("from the host\n"));
    expect_contains(guest.run("head -n 1 /dev/$port"), "from the host");

    Journal journal(vm.unit());
    guest.run("echo on the virtio port >/dev/hvc0");
    auto logged = journal.read_until_line("on the virtio port");
    ASSERT_TRUE(logged) << logged.error().message;
    EXPECT_EQ(logged->back().port, "more");

    ASSERT_TRUE(vm.stop().ok());
    EXPECT_TRUE(wait_for_state("qemu-tpm@small.service", "inactive"));
}

void panic(const VmUnderTest &vm) {
    GuestShell guest(vm);
    guest.run("modprobe pvpanic-pci");
    auto serial = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(serial) << serial.error().message;
    ASSERT_TRUE(serial->send("echo c >/proc/sysrq-trigger\r"));
}

// The monitor shows what QEMU made of a panic.
TEST(Devices, APanicPausesTheGuestIfTheIniSaysSo) {
    VmUnderTest vm("panic", silent_linux_ini() + "[VM]\nOnPanic=pause\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_contains(monitor(vm, "info status"), "running");  // this wakes qemunitd
    StateWatch watch(vm.name());
    panic(vm);
    EXPECT_TRUE(watch.wait_for("crashed"));
    expect_contains(monitor(vm, "info status"), "guest-panicked");
}

TEST(Devices, APanicFailsTheUnit) {
    VmUnderTest vm("panicfail", silent_linux_ini() + "[VM]\nOnPanic=fail\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    panic(vm);
    EXPECT_TRUE(wait_for_state(vm.unit(), "failed"));
}

TEST(Devices, APanicRestartsTheVm) {
    VmUnderTest vm("panicagain", silent_linux_ini() + "[VM]\nOnPanic=restart\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(journal.read_until_line("qemunit guest ready"));
    panic(vm);
    auto again = journal.read_until_line("qemunit guest ready");
    EXPECT_TRUE(again) << again.error().message;
    EXPECT_EQ(unit_property(vm.unit(), "NRestarts"), "1");
}

TEST(Devices, ASnapshotIsWhereTheVmStartsFrom) {
    const std::string ini = silent_linux_ini() + "[Drive root]\nFile=root.qcow2\nSize=16M\n";
    VmUnderTest vm("snapshot", ini);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        GuestShell guest(vm);
        guest.run("answer=42");
        EXPECT_EQ(monitor(vm, "savevm clean"), "");
        guest.run("answer=43");
    }
    ASSERT_TRUE(vm.stop().ok());
    write_file(vm.ini_path(), ini + "[VM]\nLoadSnapshot=clean\n");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto serial = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(serial) << serial.error().message;
    ASSERT_TRUE(serial->send("echo the answer is $answer\r"));
    auto answer = serial->read_until("the answer is 42");
    EXPECT_TRUE(answer) << answer.error().message;
}

TEST(Devices, ABootOrderIsKeptByTheFirmware) {
    VmUnderTest vm("order",
                   "[VM]\nAccelerator=tcg\nMemory=64M\nStop=quit\n[Boot]\nOrder=second first\n"
                   "Menu=no\n"
                   "[Drive first]\nFile=empty.img\nSize=1M\n"
                   "[Drive second]\nFile=" +
                       kGuestDir + "/lastline.img\nReadOnly=yes\n");
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto line = journal.read_until_line("last words of the guest");
    EXPECT_TRUE(line) << line.error().message;
}

// What SeaBIOS says on its debugging port, until the guest runs.
std::string said_by_the_firmware(const std::string &name, const std::string &boot) {
    const std::string log = "/var/lib/qemunit/" + name + "/seabios.log";
    VmUnderTest vm(name, boot_sector_ini() + "[VM]\nArguments=-chardev file,id=bios,path=" + log +
                             " -device isa-debugcon,iobase=0x402,chardev=bios\n" + boot);
    Journal journal(vm.unit());
    EXPECT_TRUE(vm.start().ok()) << vm.status();
    auto line = journal.read_until_line("qemunit guest ready");
    EXPECT_TRUE(line) << line.error().message;
    return read_file(log);
}

TEST(Devices, TheFirmwareOffersAMenuIfTheIniSaysSo) {
    const std::string prompt = "Press ESC for boot menu.";
    expect_contains(said_by_the_firmware("menu", "[Boot]\nMenu=yes\n"), prompt);
    const std::string without = said_by_the_firmware("nomenu", "");
    expect_contains(without, "SeaBIOS (version");
    EXPECT_EQ(without.find(prompt), std::string::npos) << without;
}

TEST(Devices, AVsockThatTheHostDoesNotHaveIsNamed) {
    if (std::filesystem::exists("/dev/vhost-vsock"))
        GTEST_SKIP() << "this host has vhost-vsock";
    VmUnderTest vm("vsock", boot_sector_ini() + "[VM]\nVSockCID=77\n");
    EXPECT_FALSE(vm.start().ok());
    const Finished status = vm.status();
    EXPECT_TRUE(status.says("vhost-vsock: failed to open vhost device") ||
                status.says("Could not open '/dev/vhost-vsock'"))  // QEMU 11
        << status;
}

TEST(Devices, AutoTakesWhatWorks) {
    std::string ini = boot_sector_ini();
    ini.replace(ini.find("Accelerator=tcg"), 15, "Accelerator=auto");
    VmUnderTest vm("auto", ini);
    Journal journal(vm.unit());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto line = journal.read_until_line("qemunit guest ready");
    EXPECT_TRUE(line) << line.error().message;
    const bool has_kvm = monitor(vm, "info kvm").find("enabled") != std::string::npos;
    EXPECT_EQ(vm.status().says("the VM runs by emulation (TCG)"), !has_kvm) << vm.status();
}

}  // namespace
}  // namespace qemunit::e2e
