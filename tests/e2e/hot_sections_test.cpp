// SPDX-License-Identifier: MIT
//
// Sections of the ini that come and go while the VM runs, by `systemctl reload`.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "common/unique_fd.h"
#include "tests/e2e/backups.h"
#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/reload.h"
#include "tests/e2e/vm_call_with.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

class HotSections : public ::testing::Test {
  protected:
    void SetUp() override {
        fs::create_directories(kFolder);
        for (const char *name : {"one.img", "two.img"}) {
            write_file(kFolder + name, std::string("content of ") + name + "\n");
            fs::resize_file(kFolder + name, 3 << 20);
            fs::permissions(kFolder + name, fs::perms(0600));  // root's: QEMU could not open it
        }
    }
    void TearDown() override { fs::remove_all(kFolder); }

    static std::string drive(const std::string &file, const std::string &keys = "") {
        return "[Drive data]\nFile=" + kFolder + file + "\n" + keys;
    }
    // Its node is there a moment before the kernel opens it.
    static std::string wait_for_disk(GuestShell &guest) {
        return guest.run(
            "until head -c 1 /dev/vda >/dev/null 2>&1; do usleep 20000; done; head -n 1 /dev/vda; "
            "cat /sys/block/vda/ro");
    }
    static void wait_until_it_is_gone(GuestShell &guest) {
        guest.run("while [ -e /sys/block/vda ]; do usleep 20000; done");
    }
    static std::string fd_sets(const VmUnderTest &vm) {
        return run({"busctl", "call", "org.qemunit1", vm_path(vm.name()), "org.qemunit1.VM",
                    "Execute", "ss", "query-fdsets", ""})
            .output;
    }
    static inline const std::string kFolder = "/srv/hot-sections/";
};

TEST_F(HotSections, ADriveComesChangesAndGoes) {
    const std::string begin = silent_linux_ini() + "[VM]\nHotPlugPorts=1\n";
    remove_state("hotsection");
    VmUnderTest vm("hotsection", begin);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_blk");
    reload(vm, begin + drive("one.img", "Serial=S-1\nIOPSMax=5K\n"));
    EXPECT_EQ(wait_for_disk(guest), "content of one.img\n0\n");
    EXPECT_EQ(guest.run("cat /sys/block/vda/serial; echo"), "S-1\n");
    expect_contains(log_of(vm), "drive data: " + kFolder + "one.img attached");
    expect_contains(log_of(vm), "drive data: IOPSMax=5000");
    guest.run("echo by the guest >/dev/vda; sync");
    EXPECT_EQ(read_file(kFolder + "one.img").substr(0, 13), "by the guest\n");

    // As often as one likes.
    ASSERT_TRUE(vm.systemctl("reload").ok()) << log_of(vm);
    expect_contains(log_of(vm), "Nothing to change.");

    // Another file, and only to read: what the guest uses is not pulled out.
    reload(vm, begin + drive("two.img", "ReadOnly=yes\n"));
    expect_contains(
        log_of(vm),
        "Stays as it is: drive data, of which File= and Serial= and ReadOnly= changed: take the "
        "section out and reload first");
    EXPECT_EQ(guest.run("head -n 1 /dev/vda"), "by the guest\n");
    reload(vm, begin);
    wait_until_it_is_gone(guest);
    reload(vm, begin + drive("two.img", "ReadOnly=yes\n"));
    EXPECT_EQ(guest.run("until grep -q two.img /dev/vda 2>/dev/null; do usleep 20000; done; "
                        "cat /sys/block/vda/ro"),
              "1\n");
    reload(vm, begin);
    wait_until_it_is_gone(guest);
    EXPECT_EQ(fd_sets(vm).find("qemunit-drive:"), std::string::npos);

    // One that is made, and found again after a start anew, with what was written.
    const std::string made = begin + "[Drive made]\nFile=made.qcow2\nSize=5M\n";
    reload(vm, made);
    guest.run("until [ -b /dev/vda ]; do usleep 20000; done");
    EXPECT_EQ(guest.run("cat /sys/block/vda/size"), "10240\n");
    reload(vm, begin + "[Drive made]\nFile=made.qcow2\nSize=7M\n");
    guest.run("until [ $(cat /sys/block/vda/size) = 14336 ]; do usleep 20000; done");
    guest.run("echo kept >/dev/vda; sync");
    ASSERT_TRUE(vm.systemctl("restart").ok()) << vm.status();
    GuestShell anew(vm);
    anew.run("modprobe -a virtio_pci virtio_blk");
    EXPECT_EQ(wait_for_disk(anew), "kept\n0\n");
}

TEST_F(HotSections, ADriveComesToAScsiController) {
    const std::string begin =
        silent_linux_ini() + "[Drive first]\nFile=first.img\nSize=1M\nInterface=scsi\n";
    remove_state("hotsectionscsi");
    VmUnderTest vm("hotsectionscsi", begin);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_scsi sd_mod");
    reload(vm, begin + drive("one.img", "Interface=scsi\nReadIOPSMax=5K\n"));
    EXPECT_EQ(
        guest.run(
            "until head -c 1 /dev/sdb >/dev/null 2>&1; do usleep 20000; done; head -n 1 /dev/sdb"),
        "content of one.img\n");
    expect_contains(log_of(vm), "drive data: ReadIOPSMax=5000");
    ASSERT_TRUE(vm.systemctl("reload").ok()) << log_of(vm);
    expect_contains(log_of(vm), "Nothing to change.");
    // As after a start, by which udev names it.
    EXPECT_EQ(guest.run("tr -cd 'a-z' </sys/block/sdb/device/vpd_pg83"),
              guest.run("tr -cd 'a-z' </sys/block/sda/device/vpd_pg83 | sed s/first/data/"));
    reload(vm, begin);
    guest.run("while [ -e /sys/block/sdb ]; do usleep 20000; done");
}

TEST_F(HotSections, ADriveOfAScsiControllerGrows) {
    const std::string begin =
        silent_linux_ini() + "[Drive first]\nFile=first.img\nSize=1M\nInterface=scsi\n";
    const auto more = [&](const std::string &size) {
        return begin + "[Drive more]\nFile=more.img\nInterface=scsi\nSize=" + size;
    };
    remove_state("hotscsigrows");
    VmUnderTest vm("hotscsigrows", begin);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    reload(vm, more("1M\n"));
    reload(vm, more("2M\n"));
    EXPECT_EQ(fs::file_size("/var/lib/qemunit/hotscsigrows/more.img"), 2u << 20);
    // An image that is there already, and smaller, as at a start.
    reload(vm, begin);
    reload(vm, more("3M\n"));
    EXPECT_EQ(fs::file_size("/var/lib/qemunit/hotscsigrows/more.img"), 3u << 20);
}

// A guest that does not let go keeps nothing else from being done, and many of such a kind do not
// use up the time that systemd gives a reload.
TEST_F(HotSections, GuestsThatDoNotLetGoKeepNothingElseUp) {
    const std::string begin =
        boot_sector_ini() + "[VM]\nMachine=pc\n[Drive disk]\nFile=disk.img\nSize=";
    std::string many;
    for (const char *name : {"a", "b", "c", "d"})
        many += std::string("[Drive ") + name + "]\nSize=1M\nFile=" + name + ".img\n";
    remove_state("hotslow");
    VmUnderTest vm("hotslow", begin + "1M\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    reload(vm, begin + "1M\n" + many);
    EXPECT_FALSE(try_reload(vm, begin + "2M\nIOPSMax=1K\n").ok());
    const std::string log = log_of(vm);
    for (const char *name : {"a", "b", "c", "d"})
        expect_contains(log, std::string("has not let go of drive '") + name + "' within");
    expect_contains(log, "drive disk: 2M");
    expect_contains(log, "drive disk: IOPSMax=1000");
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
    // One that is to stay after all, but may go any moment, as at a reset.
    reload(vm, begin + "2M\nIOPSMax=1K\n" + many);
    expect_contains(log_of(vm), "drive a, which the guest was asked to let go of");
    ASSERT_EQ(call_vm(vm.name(), "Reset").error, "");
    for (const Deadline deadline; !deadline.passed();)
        if (fd_sets(vm).find("qemunit-drive:") == std::string::npos)
            break;
    reload(vm, begin + "2M\nIOPSMax=1K\n" + many);
    expect_contains(fd_sets(vm), "qemunit-drive:a");
    EXPECT_EQ(run({"qemunitctl", "qmp", vm.name(), "query-named-block-nodes", "{\"flat\":true}"})
                  .output.find("qemunit-out-"),
              std::string::npos);
}

// systemd makes one after the other, and whoever calls qemunitctl does not.
TEST_F(HotSections, ManyReloadsAtOnceGoOneAfterTheOther) {
    const std::string begin = boot_sector_ini() + "[VM]\nMachine=pc\n";
    remove_state("hotmany");
    VmUnderTest vm("hotmany", begin);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    write_file(vm.ini_path(), begin + drive("one.img"));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    const Finished all =
        run({"sh", "-c",
             "for i in 1 2 3 4 5 6; do qemunitctl reload hotmany || echo failed & done; wait"});
    EXPECT_EQ(all.output.find("failed"), std::string::npos) << all;
    expect_contains(all.output, "drive data: " + kFolder + "one.img attached");
    expect_contains(all.output, "Nothing to change.");
}

// An image has one drive at a time.
TEST_F(HotSections, AnImageThatAnotherDriveHasStaysThere) {
    const std::string begin = boot_sector_ini() + "[VM]\nMachine=pc\n";
    remove_state("hotmoved");
    VmUnderTest vm("hotmoved", begin);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    reload(vm, begin + drive("one.img"));
    reload(vm, begin + "[Drive other]\nFile=" + kFolder + "one.img\n");
    expect_contains(log_of(vm),
                    "Stays as it is: drive data, whose image [Drive other] has by now: take that "
                    "section out and reload first");
    expect_contains(fd_sets(vm), "qemunit-drive:data");
    EXPECT_EQ(fd_sets(vm).find("qemunit-drive:other"), std::string::npos);
}

// A boot sector knows nothing of hot-plugging: it never lets go, until the machine is reset.
TEST_F(HotSections, WhatAGuestKeepsIsSaidAndTakenLater) {
    const std::string begin = boot_sector_ini() + "[VM]\nMachine=pc\n";
    remove_state("hotkept");
    VmUnderTest vm("hotkept", begin);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    reload(vm, begin + drive("one.img"));
    EXPECT_FALSE(try_reload(vm, begin).ok());
    expect_contains(log_of(vm), "drive data: detached: The guest of VM 'hotkept'");
    expect_contains(log_of(vm), "has not let go of drive 'data' within");
    // A kill of qemunitd changes nothing: what is to be done stands in QEMU and in the ini.
    NameWatch name;
    ASSERT_EQ(kill(std::stoi(unit_property("qemunitd.service", "MainPID")), SIGKILL), 0);
    ASSERT_TRUE(name.wait_for_loss());
    ASSERT_EQ(call_vm(vm.name(), "Reset").error, "");
    ASSERT_TRUE(vm.systemctl("reload").ok()) << log_of(vm);
    // qemunitd hears from QEMU that the drive is gone, and has QEMU close the image.
    const Deadline deadline;
    while (fd_sets(vm).contains("qemunit-drive:") && !deadline.passed())
        usleep(20'000);
    EXPECT_FALSE(fd_sets(vm).contains("qemunit-drive:"));
}

TEST_F(HotSections, WhatWasAttachedByHandStays) {
    const std::string begin = boot_sector_ini() + "[VM]\nMachine=pc\n";
    remove_state("hothand");
    VmUnderTest vm("hothand", begin);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const UniqueFd fd(open((kFolder + "one.img").c_str(), O_RDWR | O_CLOEXEC));
    ASSERT_EQ(call_vm_with(vm.name(), "AttachDrive",
                           [&](sd_bus_message *call) {
                               return sd_bus_message_append(call, "sha{sv}", "data", fd.get(), 0);
                           })
                  .error,
              "");
    ASSERT_TRUE(vm.systemctl("reload").ok()) << log_of(vm);
    expect_contains(log_of(vm), "Stays as it is: drive data, which is not of the ini");
    reload(vm, begin + drive("two.img"));
    expect_contains(log_of(vm), "Stays as it is: drive data, which AttachDrive has attached");
    expect_contains(fd_sets(vm), "qemunit-drive:data");
    EXPECT_EQ(fd_sets(vm).find("two.img"), std::string::npos);
}

TEST_F(HotSections, WhatCannotComeWaitsOrSaysWhy) {
    const std::string begin = boot_sector_ini();
    remove_state("hotcannot");
    VmUnderTest vm("hotcannot", begin);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_FALSE(try_reload(vm, begin + drive("one.img")).ok());
    expect_contains(log_of(vm), "add HotPlugPorts=1 to [VM]");
    for (const char *keys : {"Cache=none\n", "Ephemeral=yes\n", "Interface=nvme\n",
                             "Interface=scsi\n", "IOThread=yes\n"}) {
        reload(vm, begin + drive("one.img", keys));
        expect_contains(log_of(vm), "Not before the VM is started anew: [Drive data] comes");
    }
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
}

TEST_F(HotSections, ABackupHasADriveThatHasComeByItsName) {
    const std::string begin = silent_linux_ini() + "[VM]\nMachine=pc\n";
    remove_state("hotbackup");
    VmUnderTest vm("hotbackup", begin);
    const BackupFolder folder("hotbackup");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_blk");
    reload(vm, begin + drive("one.img"));
    wait_for_disk(guest);
    guest.run("dd if=/dev/urandom of=/dev/vda bs=64k count=4 conv=fsync");
    const Finished made = ctl("backup hotbackup " + folder.path());
    ASSERT_TRUE(made.ok()) << made;
    EXPECT_EQ(restored_sum(folder, "data"), sum_in_guest(guest, "/dev/vda")) << made;
    expect_good(folder);
}

// What a drive keeps from is said before anything begins.
TEST_F(HotSections, NeitherAMoveNorASnapshotBeginsWithADriveThatCannotTakePart) {
    const std::string begin =
        boot_sector_ini() + "[VM]\nMachine=pc\n[Drive disk]\nFile=disk.qcow2\nSize=1M\n";
    remove_state("hotmove");
    VmUnderTest vm("hotmove", begin);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    reload(vm, begin + drive("one.img"));
    const Finished moved = run({"qemunitctl", "migrate", "hotmove", "nowhere.invalid"});
    EXPECT_FALSE(moved.ok());
    expect_contains(moved.output, "it has drive 'data', which was plugged in since");
    const BusReply saved = call_vm(vm.name(), "SaveSnapshot", "s");
    EXPECT_EQ(saved.error, "org.qemunit1.Error.Monitor");
    expect_contains(saved.message, "Drive 'data', which was attached");
}

// As AHotPluggedDriveIsAReasonToShutDown of HibernatedHardware, but the drive is of the ini: the
// next start has it.
TEST_F(HotSections, AVmIsNotHibernatedWithADriveThatHasCome) {
    const std::string begin = silent_linux_ini() + "[VM]\nMachine=pc\nStop=hibernate\n";
    remove_state("hothibernate");
    VmUnderTest vm("hothibernate", begin);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        GuestShell guest(vm);
        guest.run("modprobe -a virtio_pci virtio_blk");
        reload(vm, begin + drive("one.img"));
        wait_for_disk(guest);
    }
    EXPECT_TRUE(vm.stop().ok());
    expect_contains(log_of(vm), "the drive 'data' was plugged in since the VM was started");
    EXPECT_FALSE(fs::exists("/var/lib/qemunit/hothibernate/hibernated"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_blk");
    EXPECT_EQ(wait_for_disk(guest), "content of one.img\n0\n");
}

}  // namespace
}  // namespace qemunit::e2e
