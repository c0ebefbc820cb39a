// SPDX-License-Identifier: MIT
//
// `qemunitctl backup`, `restore` and `verify`, on guests that write meanwhile, are started anew
// or killed in between. What is restored is held against what the guest has, byte by byte.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "tests/e2e/backups.h"
#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

std::string ini_with_disks() {
    return silent_linux_ini() +
           "[Drive root]\nFile=root.qcow2\nSize=16M\n"
           "[Drive data]\nFile=data.img\nFormat=raw\nSize=16M\n";
}

TEST(Backup, HoldsAllDisksAsTheyWereAtOneMoment) {
    VmUnderTest vm("bkmoment", ini_with_disks());
    const BackupFolder folder("bkmoment");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    prepare_disks(guest);
    // First the one disk, then the other: at any moment, the first is at most one ahead.
    guest.run(
        "(i=0; while :; do i=$((i+1)); for d in vda vdb; do echo $i | dd of=/dev/$d bs=512 "
        "conv=sync,fsync 2>/dev/null; done; dd if=/dev/urandom of=/dev/vda bs=64k count=8 "
        "seek=$((16+i%200)) conv=fsync 2>/dev/null; done) & echo $! >/tmp/writer");
    for (int round = 0; round < 3; ++round) {
        const Finished made = ctl("backup " + vm.name() + " " + folder.path());
        ASSERT_TRUE(made.ok()) << made;
        expect_contains(made.output, "as after a power failure");
        expect_contains(made.output, round == 0 ? ": full," : "what has changed since");
        int counts[2] = {};
        for (const int disk : {0, 1}) {
            const std::string image = folder.path() + "-image";
            ASSERT_TRUE(ctl("restore --disk=" + std::string(disk == 0 ? "root " : "data ") +
                            folder.path() + " " + image)
                            .ok());
            ASSERT_TRUE(run({"qemu-img", "convert", "-O", "raw", image, image + ".raw"}).ok());
            counts[disk] = std::atoi(read_file(image + ".raw").c_str());
            fs::remove(image);
            fs::remove(image + ".raw");
        }
        EXPECT_GT(counts[0], 0);
        EXPECT_TRUE(counts[0] == counts[1] || counts[0] == counts[1] + 1)
            << counts[0] << " " << counts[1];
    }
    guest.run("kill $(cat /tmp/writer); wait");
    expect_good(folder);

    // Once nobody writes, all is the same.
    ASSERT_TRUE(ctl("backup " + vm.name() + " " + folder.path()).ok());
    EXPECT_EQ(restored_sum(folder, "root"), sum_in_guest(guest, "/dev/vda"));
    EXPECT_EQ(restored_sum(folder, "data"), sum_in_guest(guest, "/dev/vdb"));
    EXPECT_EQ(call_vm(vm.name(), "MonitorCommand", "info status").value, "VM status: running");
}

TEST(Backup, GoesOnAfterAStartAnewAndBeginsAnewAfterAKill) {
    VmUnderTest vm("bkanew", silent_linux_ini() + "[Drive root]\nFile=root.qcow2\nSize=16M\n");
    const BackupFolder folder("bkanew");
    const std::string backup = "backup " + vm.name() + " " + folder.path();
    std::string sums[4];
    for (int round = 0; round < 4; ++round) {
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        GuestShell guest(vm);
        prepare_disks(guest);
        // New data, zeroes over old data, and what stays.
        guest.run("dd if=/dev/urandom of=/dev/vda bs=64k count=4 conv=fsync seek=" +
                  std::to_string(40 * round));
        if (round > 0)
            guest.run("dd if=/dev/zero of=/dev/vda bs=64k count=1 conv=fsync seek=" +
                      std::to_string(40 * (round - 1) + 1));
        const Finished made = ctl(backup);
        ASSERT_TRUE(made.ok()) << made;
        const bool is_full = round == 0 || round == 3;
        expect_contains(made.output, is_full ? ": full," : "what has changed since");
        if (round == 3)
            expect_contains(made.output, "A full backup is made: VM 'bkanew' does not know what");
        sums[round] = sum_in_guest(guest, "/dev/vda");
        EXPECT_EQ(restored_sum(folder, "root"), sums[round]) << round;
        if (round == 2) {
            // What is written last is not in QEMU's bitmap on the disk.
            guest.run("dd if=/dev/urandom of=/dev/vda bs=64k count=1 conv=fsync seek=200");
            ASSERT_EQ(kill(vm.main_pid(), SIGKILL), 0);
            ASSERT_TRUE(wait_for_state(vm.unit(), "failed"));
            run_words("systemctl reset-failed " + vm.unit());
        } else {
            ASSERT_TRUE(vm.stop().ok());
        }
    }
    // Each of them, not only the newest.
    const auto names = folder.names();
    ASSERT_EQ(names.size(), 4u);
    for (int round = 0; round < 4; ++round)
        EXPECT_EQ(restored_sum(folder, "root", " --checkpoint=" + names[round]), sums[round])
            << round;
    expect_good(folder);
    const Finished listed = ctl("backups " + folder.path());
    EXPECT_TRUE(listed.ok()) << listed;
    expect_contains(listed.output, names[1] + "  bkanew  " + names[0] + "  running  ");

    // A chain with a link that is another one, or gone.
    const std::string image = folder.path() + "/" + names[1] + "/root.qcow2";
    std::string bytes = read_file(image);
    bytes[bytes.size() / 2] ^= 1;
    write_file(image, bytes);
    Finished verified = ctl("verify " + folder.path());
    EXPECT_EQ(verified.status, 1);
    expect_contains(verified.output, names[0] + "  good");
    expect_contains(verified.output, "root.qcow2 is not what was written");
    expect_contains(verified.output, names[2] + "  it is made on " + names[1]);
    expect_contains(verified.output, names[3] + "  good");
    EXPECT_FALSE(
        ctl("restore --disk=root --checkpoint=" + names[2] + " " + folder.path() + " /tmp/no")
            .ok());
    EXPECT_FALSE(fs::exists("/tmp/no"));
    fs::remove_all(folder.path() + "/" + names[0]);
    verified = ctl("verify " + folder.path());
    expect_contains(verified.output, "is made on " + names[0] + ", which is not there");
}

TEST(Backup, BecomesAnotherVmThatBoots) {
    VmUnderTest vm("bkold", ini_with_disks() + "[VM]\nUUID=5d3e4a52-0f43-4d7c-9b56-0f1f6a5a1c11\n");
    const BackupFolder folder("bkold");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    std::string root, data;
    {
        GuestShell guest(vm);
        prepare_disks(guest);
        guest.run(
            "for d in vda vdb; do dd if=/dev/urandom of=/dev/$d bs=1M count=2 conv=fsync; done");
        ASSERT_TRUE(ctl("backup " + vm.name() + " " + folder.path()).ok());
        root = sum_in_guest(guest, "/dev/vda");
        data = sum_in_guest(guest, "/dev/vdb");
    }
    EXPECT_FALSE(ctl("restore " + folder.path() + " " + vm.name()).ok());
    const Finished restored = ctl("restore " + folder.path() + " bknew");
    ASSERT_TRUE(restored.ok()) << restored;
    expect_contains(restored.output, "changed  UUID= is a new one");
    run_words("systemctl daemon-reload");
    const Finished started = run_words("systemctl start qemu@bknew");
    ASSERT_TRUE(started.ok()) << started;
    {
        GuestShell guest("/run/qemunit/bknew/serial.sock");
        prepare_disks(guest);
        EXPECT_EQ(sum_in_guest(guest, "/dev/vda"), root);
        EXPECT_EQ(sum_in_guest(guest, "/dev/vdb"), data);
    }
    run_words("systemctl stop qemu@bknew");

    // A VM that is off, too, with the format of each image.
    const BackupFolder off("bknew");
    const Finished made = ctl("backup bknew " + off.path());
    EXPECT_TRUE(made.ok()) << made;
    expect_contains(made.output, "of the VM that is off");
    EXPECT_EQ(restored_sum(off, "root"), root);
    EXPECT_EQ(restored_sum(off, "data"), data);

    // An image that has come to name a file of the host's gets nothing of it.
    const std::string image = "/var/lib/qemunit/bknew/root.qcow2";
    ASSERT_TRUE(run_words("qemu-img rebase -u -F raw -b /etc/shadow " + image).ok());
    const Finished refused = ctl("backup bknew " + off.path());
    EXPECT_EQ(refused.status, 1);
    expect_contains(refused.output, "is a layer on /etc/shadow, which the ini does not name");
    EXPECT_EQ(off.names().size(), 1u);
    EXPECT_TRUE(ctl("remove --with-disks --yes bknew").ok());
    EXPECT_TRUE(ctl("restore " + off.path() + " bknew").ok());
    EXPECT_TRUE(ctl("remove --with-disks --yes bknew").ok());
}

TEST(Backup, OfAFormatThatCannotBeRestoredIsRefused) {
    VmUnderTest vm("bkvdi", silent_linux_ini() + "[Drive root]\nFile=/tmp/bkvdi.vdi\nFormat=vdi\n");
    ASSERT_TRUE(run_words("qemu-img create -q -f vdi /tmp/bkvdi.vdi 4M").ok());
    const BackupFolder folder("bkvdi");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    for (const char *state : {"running", "off"}) {
        const Finished made = ctl("backup bkvdi " + folder.path());
        EXPECT_EQ(made.status, 1) << state;
        expect_contains(made.output, "has the format vdi");
        EXPECT_TRUE(folder.names().empty()) << state;
        ASSERT_TRUE(vm.stop().ok());
    }
    fs::remove("/tmp/bkvdi.vdi");
}

// As of a VM that runs on another node of a cluster.
TEST(Backup, OfAVmThatIsOffIsNoneIfSomebodyWritesItsDisk) {
    const std::string image = "/var/lib/bkshared.qcow2", pid_file = "/run/bkshared.pid";
    ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", image, "4M"}).ok());
    VmUnderTest vm("bkshared", boot_sector_ini() + "[Drive data]\nFile=" + image + "\n");
    const BackupFolder folder("bkshared");
    ASSERT_TRUE(run({"qemu-nbd", "--fork", "--persistent", "--socket=/run/bkshared.sock",
                     "--pid-file=" + pid_file, "--format=qcow2", image})
                    .ok());
    const Finished made = ctl("backup bkshared " + folder.path());
    EXPECT_EQ(made.status, 1);
    expect_contains(made.output, "somebody writes to it");
    EXPECT_TRUE(folder.names().empty());
    const pid_t writer = std::stoi(read_file(pid_file));
    ASSERT_EQ(kill(writer, SIGTERM), 0);
    for (const Deadline deadline; fs::exists("/proc/" + std::to_string(writer));)
        ASSERT_FALSE(deadline.passed());
    const Finished good = ctl("backup bkshared " + folder.path());
    EXPECT_TRUE(good.ok()) << good;
    fs::remove(image);
}

TEST(Backup, HoldsUefiVariables) {
    VmUnderTest vm("bkuefi", ini_with_disks() + "[VM]\nFirmware=uefi\n");
    const BackupFolder folder("bkuefi");
    const std::string mount = "modprobe efivarfs; mount -t efivarfs none /sys/firmware/efi/efivars",
                      variable =
                          "/sys/firmware/efi/efivars/Test-6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        GuestShell guest(vm);
        guest.run(mount);
        EXPECT_EQ(guest.run("printf '\\007\\000\\000\\000x' >" + variable), "");
        const Finished made = ctl("backup bkuefi " + folder.path());
        EXPECT_TRUE(made.ok()) << made;
    }
    const Finished restored = ctl("restore " + folder.path() + " bkuefi2");
    ASSERT_TRUE(restored.ok()) << restored;
    run_words("systemctl daemon-reload");
    const Finished started = run_words("systemctl start qemu@bkuefi2");
    ASSERT_TRUE(started.ok()) << started;
    {
        GuestShell guest("/run/qemunit/bkuefi2/serial.sock");
        guest.run(mount);
        EXPECT_EQ(guest.run("tail -c 1 " + variable + "; echo"), "x\n");
    }
    run_words("systemctl stop qemu@bkuefi2");
    EXPECT_TRUE(ctl("remove --with-disks --yes bkuefi2").ok());
}

TEST(Backup, IsMadeByItsUnitWhichKeepsAsManyAsTheIniSays) {
    VmUnderTest vm("bkunit", ini_with_disks() + "[VM]\nBackupKeep=2\n");
    const std::string unit = "qemu-backup@bkunit.service", path = "/var/lib/qemunit-backup/bkunit";
    fs::remove_all(path);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    std::string sum;
    {
        GuestShell guest(vm);
        prepare_disks(guest);
        guest.run("dd if=/dev/urandom of=/dev/vda bs=1M count=2 conv=fsync");
        sum = sum_in_guest(guest, "/dev/vda");
    }
    const auto make = [&] {
        const Finished made = run_words("systemctl start " + unit);
        EXPECT_TRUE(made.ok()) << made << run_words("journalctl --no-pager -u " + unit);
    };
    make();
    make();
    ASSERT_TRUE(vm.stop().ok());
    make();
    // The second of them is made on the first.
    Finished listed = ctl("backups bkunit");
    EXPECT_EQ(std::ranges::count(listed.output, '\n'), 4) << listed;
    make();
    listed = ctl("backups bkunit");
    EXPECT_EQ(std::ranges::count(listed.output, '\n'), 3) << listed;
    const Finished verified = ctl("verify " + path);
    EXPECT_TRUE(verified.ok()) << verified;
    const std::string image = "/var/lib/bkunit.qcow2", raw = image + ".raw";
    const Finished restored = ctl("restore --disk=root " + path + " " + image);
    EXPECT_TRUE(restored.ok()) << restored;
    EXPECT_TRUE(run({"qemu-img", "convert", "-O", "raw", image, raw}).ok());
    EXPECT_EQ(run({"sha256sum", raw}).output.substr(0, 64), sum);
    for (const std::string &made : {image, raw, path})
        fs::remove_all(made);
}

TEST(Backup, GoesIntoAPipe) {
    VmUnderTest vm("bkpipe", ini_with_disks());
    const BackupFolder folder("bkpipe");
    fs::create_directories(folder.path());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    prepare_disks(guest);
    guest.run("dd if=/dev/urandom of=/dev/vdb bs=1M count=2 conv=fsync");
    const Finished made =
        run({"bash", "-o", "pipefail", "-c",
             "qemunitctl backup bkpipe - | tar --extract --directory=" + folder.path()});
    EXPECT_TRUE(made.ok()) << made;
    EXPECT_EQ(restored_sum(folder, "data"), sum_in_guest(guest, "/dev/vdb"));
    expect_good(folder);
}

std::size_t copies_in_var_tmp() {
    std::size_t copies = 0;
    for (const auto &entry : fs::directory_iterator("/var/tmp"))
        copies += entry.path().filename().native().starts_with(".qemunit-stream-");
    return copies;
}

TEST(Backup, IntoAPipeLeavesNothingForLongIfItIsKilled) {
    VmUnderTest vm("bkkilled", silent_linux_ini() + "[Drive root]\nFile=root.qcow2\nSize=16M\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_TRUE(vm.stop().ok());
    const std::size_t before = copies_in_var_tmp();
    // Killed in the middle of the stream, of which a byte is read.
    const Finished killed =
        run({"bash", "-c",
             "f=$(mktemp -u); mkfifo $f; exec 9<>$f; qemunitctl backup bkkilled - >$f 9<&- & "
             "head -c 1 <&9 >/dev/null; kill -KILL $!; wait $!; rm $f"});
    EXPECT_EQ(killed.status, 0) << killed;
    EXPECT_EQ(copies_in_var_tmp(), before + 1);
    const Finished made = run({"bash", "-c", "qemunitctl backup bkkilled - | cat >/dev/null"});
    EXPECT_TRUE(made.ok()) << made;
    EXPECT_EQ(copies_in_var_tmp(), before);
}

}  // namespace
}  // namespace qemunit::e2e
