// SPDX-License-Identifier: MIT
//
// A drive that grows while the VM runs: Size= of the ini with `systemctl reload`, and ResizeDrive.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <csignal>
#include <cstring>
#include <filesystem>

#include "common/unique_fd.h"
#include "tests/e2e/backups.h"
#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/reload.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_call_with.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMiB = 1 << 20;

std::string state_of(const VmUnderTest &vm) {
    return "/var/lib/qemunit/" + vm.name() + "/";
}

BusReply resize(const VmUnderTest &vm, const std::string &drive, uint64_t bytes) {
    return call_vm_with(vm.name(), "ResizeDrive", [&](sd_bus_message *call) {
        return sd_bus_message_append(call, "st", drive.c_str(), bytes);
    });
}

// What qemu-img says of the image that QEMU has open.
std::string size_of_image(const std::string &path) {
    const std::string info = run({"qemu-img", "info", "-U", "--output=json", path}).output;
    const std::size_t begin = info.find("\"virtual-size\": ");
    return begin == info.npos ? info : info.substr(begin + 16, info.find(',', begin) - begin - 16);
}

// The guest hears of it by an interrupt.
void wait_for_sectors(GuestShell &guest, const std::string &disk, uint64_t bytes) {
    guest.run("until [ $(cat /sys/block/" + disk + "/size) = " + std::to_string(bytes / 512) +
              " ]; do usleep 20000; done");
}

TEST(Growth, GuestAndImagesOfEachKindSeeIt) {
    const std::string base = "/srv/growth-base.qcow2";
    ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", base, "8M"}).ok());
    fs::permissions(base, fs::perms(0644));
    const auto ini = [&](const std::string &size) {
        return silent_linux_ini() + "[Drive root]\nFile=root.qcow2\nSize=" + size +
               "[Drive raw]\nFile=raw.img\nFormat=raw\nSize=" + size +
               "[Drive layer]\nFile=layer.qcow2\nBackingFile=" + base + "\nSize=" + size +
               "[Drive scsi]\nFile=scsi.qcow2\nInterface=scsi\nSize=" + size;
    };
    remove_state("growkinds");
    VmUnderTest vm("growkinds", ini("16M\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_blk virtio_scsi sd_mod");
    guest.run("until [ -b /dev/sda ] && [ -b /dev/vdc ]; do usleep 20000; done");
    for (const char *disk : {"vda", "vdb", "vdc", "sda"})
        guest.run(std::string("echo at the end | dd of=/dev/") + disk +
                  " bs=512 seek=32767 conv=sync,fsync");
    reload(vm, ini("48M\n"));
    for (const char *disk : {"vda", "vdb", "vdc"}) {
        wait_for_sectors(guest, disk, 48 * kMiB);
        const std::string path = std::string("/dev/") + disk;
        EXPECT_EQ(guest.run("dd if=" + path + " bs=512 skip=32767 count=1 2>/dev/null | head -n 1"),
                  "at the end\n");
        guest.run("echo new >/tmp/new; dd if=/tmp/new of=" + path +
                  " bs=512 seek=98303 conv=sync,fsync");
        EXPECT_EQ(guest.run("dd if=" + path + " bs=512 skip=98303 2>/dev/null | head -n 1"),
                  "new\n");
    }
    // Linux looks anew at a SCSI disk when it has heard of it, or when it is told to.
    guest.run("echo 1 >/sys/block/sda/device/rescan");
    wait_for_sectors(guest, "sda", 48 * kMiB);
    for (const char *image : {"root.qcow2", "raw.img", "layer.qcow2", "scsi.qcow2"})
        EXPECT_EQ(size_of_image(state_of(vm) + image), std::to_string(48 * kMiB)) << image;
    expect_contains(log_of(vm), "drive layer: 48M");

    // Smaller is said, and not done.
    reload(vm, ini("32M\n"));
    expect_contains(log_of(vm),
                    "Stays as it is: drive raw has 48M, while its Size= is 32M: a "
                    "drive only grows");
    EXPECT_EQ(size_of_image(state_of(vm) + "raw.img"), std::to_string(48 * kMiB));
    fs::remove(base);
}

TEST(Growth, OnAFullDiskNothingIsLost) {
    const fs::path folder = "/srv/growth-full";
    fs::create_directories(folder);
    ASSERT_EQ(mount("small", folder.c_str(), "tmpfs", 0, "mode=0755,size=1M"), 0)
        << strerror(errno);
    const std::string image = folder / "root.qcow2";
    ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", image, "16M"}).ok());
    fs::permissions(image, fs::perms(0666));
    const auto ini = [&](const std::string &size) {
        return silent_linux_ini() + "[Drive root]\nFile=" + image + "\nSize=" + size;
    };
    {
        remove_state("growfull");
        VmUnderTest vm("growfull", ini("16M\n"));
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        GuestShell guest(vm);
        prepare_disks(guest);
        guest.run("echo mine | dd of=/dev/vda bs=512 conv=sync,fsync");
        write_file(folder / "filler", std::string(900 << 10, 'x'));
        // A table of that image is larger than what is left.
        EXPECT_FALSE(try_reload(vm, ini("60T\n")).ok());
        expect_contains(log_of(vm), "Drive 'root' of VM 'growfull' stays at 16777216 bytes: ");
        expect_contains(log_of(vm), "No space left on device");
        EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
        EXPECT_EQ(guest.run("head -n 1 /dev/vda"), "mine\n");
        EXPECT_EQ(size_of_image(image), std::to_string(16 * kMiB));
        // Once there is room, the next reload does it.
        fs::remove(folder / "filler");
        reload(vm, ini("64M\n"));
        wait_for_sectors(guest, "vda", 64 * kMiB);
        ASSERT_TRUE(vm.stop().ok());
    }
    const Finished checked = run({"qemu-img", "check", image});
    EXPECT_TRUE(checked.ok()) << checked;
    umount2(folder.c_str(), MNT_DETACH);
}

TEST(Growth, ErrorsSayWhy) {
    remove_state("growwrong");
    VmUnderTest vm("growwrong", silent_linux_ini() +
                                    "[VM]\nMachine=pc\n[Drive root]\nFile=root.qcow2\nSize=16M\n"
                                    "[Drive gone]\nFile=gone.qcow2\nSize=16M\nEphemeral=yes\n"
                                    "[Drive cd]\nMedia=cdrom\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const auto expect_error = [](const BusReply &reply, const std::string &error,
                                 const std::string &part) {
        EXPECT_EQ(reply.error, "org.qemunit1.Error." + error) << reply;
        expect_contains(reply.message, part);
    };
    expect_error(resize(vm, "root", 8 * kMiB), "InvalidArgument", "drives only grow");
    expect_error(resize(vm, "root", 32 * kMiB + 1), "InvalidArgument", "multiple of 512");
    expect_error(resize(vm, "root", uint64_t{1} << 62), "Monitor", "stays at 16777216 bytes");
    expect_error(resize(vm, "cd", 32 * kMiB), "InvalidArgument", "is empty");
    expect_error(resize(vm, "gone", 32 * kMiB), "InvalidArgument", "has Ephemeral=yes");
    expect_error(resize(vm, "nix", 32 * kMiB), "InvalidArgument", "has no drive 'nix'");
    {
        VmUnderTest board("growcard",
                          "[VM]\nArchitecture=aarch64\nMachine=raspi3b\nMemory=1G\nStop=quit\n"
                          "[Drive card]\nFile=card.img\nSize=1M\nInterface=sd\n");
        ASSERT_TRUE(board.start().ok()) << board.status();
        expect_error(resize(board, "card", 3 * kMiB), "InvalidArgument", "a power of two");
        EXPECT_EQ(resize(board, "card", 4 * kMiB).error, "");
        EXPECT_TRUE(board.systemctl("restart").ok()) << board.status();
    }
    ASSERT_EQ(call_vm(vm.name(), "Pause").error, "");
    EXPECT_EQ(resize(vm, "root", 32 * kMiB).error, "");
    ASSERT_EQ(call_vm(vm.name(), "Resume").error, "");

    // One that was attached.
    const std::string image = "/srv/growth-hot.img";
    write_file(image, "");
    fs::resize_file(image, 3 * kMiB);
    {
        const UniqueFd fd(open(image.c_str(), O_RDWR | O_CLOEXEC));
        ASSERT_EQ(call_vm_with(vm.name(), "AttachDrive",
                               [&](sd_bus_message *call) {
                                   return sd_bus_message_append(call, "sha{sv}", "hot", fd.get(),
                                                                0);
                               })
                      .error,
                  "");
    }
    EXPECT_EQ(resize(vm, "hot", 5 * kMiB).error, "");
    EXPECT_EQ(fs::file_size(image), 5 * kMiB);
    fs::remove(image);
}

// Of many at once, none makes a drive smaller that another one has made larger.
TEST(Growth, ManyAtOnce) {
    remove_state("growmany");
    VmUnderTest vm("growmany", boot_sector_ini() + "[Drive data]\nFile=d.qcow2\nSize=16M\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    std::string calls;
    for (int size = 17; size <= 48; ++size)
        calls +=
            "busctl call org.qemunit1 /org/qemunit1/vm/growmany org.qemunit1.VM ResizeDrive "
            "st data " +
            std::to_string(static_cast<uint64_t>(65 - size) * kMiB) + " 2>&1 & ";
    const Finished all = run({"sh", "-c", calls + " wait"});
    std::size_t sizes = 0;
    for (uint64_t size = 17; size <= 48; ++size)
        sizes += size_of_image(state_of(vm) + "d.qcow2") == std::to_string(size * kMiB) ? 1 : 0;
    EXPECT_EQ(sizes, 1u) << all;
    // Whoever was refused tries again, and nothing is in the way.
    EXPECT_EQ(resize(vm, "data", 64 * kMiB).error, "");
    EXPECT_EQ(size_of_image(state_of(vm) + "d.qcow2"), std::to_string(64 * kMiB));
}

TEST(Growth, WaitsForABackupAndTheNextOneHasAll) {
    remove_state("growbackup");
    VmUnderTest vm("growbackup", silent_linux_ini() + "[Drive root]\nFile=root.qcow2\nSize=16M\n");
    const BackupFolder folder("growbackup");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    prepare_disks(guest);
    guest.run("dd if=/dev/urandom of=/dev/vda bs=64k count=8 conv=fsync");
    ASSERT_TRUE(ctl("backup " + vm.name() + " " + folder.path()).ok());
    {
        const BusPtr bus = open_system_bus();
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = nullptr;
        ASSERT_GE(sd_bus_call_method(bus.get(), "org.qemunit1", vm_path(vm.name()).c_str(),
                                     "org.qemunit1.VM", "BeginBackup", &error, &reply, "s", ""),
                  0)
            << error.message;
        sd_bus_message_unref(reply);
        const BusReply refused = resize(vm, "root", 48 * kMiB);
        EXPECT_EQ(refused.error, "org.qemunit1.Error.Busy") << refused;
        expect_contains(refused.message, "a backup of the VM is under way");
        ASSERT_GE(sd_bus_call_method(bus.get(), "org.qemunit1", vm_path(vm.name()).c_str(),
                                     "org.qemunit1.VM", "EndBackup", &error, nullptr, "b", 0),
                  0)
            << error.message;
    }
    EXPECT_EQ(resize(vm, "root", 48 * kMiB).error, "");
    wait_for_sectors(guest, "vda", 48 * kMiB);
    guest.run("dd if=/dev/urandom of=/dev/vda bs=64k count=8 seek=700 conv=fsync");
    const Finished made = ctl("backup " + vm.name() + " " + folder.path());
    ASSERT_TRUE(made.ok()) << made;
    EXPECT_EQ(restored_sum(folder, "root"), sum_in_guest(guest, "/dev/vda")) << made;
    expect_good(folder);
}

// A size that was asked for before does not hold any more: QEMU would cut off what is longer.
TEST(Growth, GoesNotBesideWhatChangesTheDisks) {
    remove_state("growbeside");
    VmUnderTest vm("growbeside", boot_sector_ini() + "[Drive data]\nFile=d.qcow2\nSize=16M\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_EQ(call_vm(vm.name(), "SaveSnapshot", "small").error, "");
    const pid_t qemu = vm.main_pid();
    const auto expect_busy = [](const BusReply &reply, const std::string &why) {
        EXPECT_EQ(reply.error, "org.qemunit1.Error.Busy") << reply;
        expect_contains(reply.message, why);
    };
    // qemunitd has the call, and waits for QEMU.
    const auto let_arrive = [&vm](PendingCall &call) {
        EXPECT_FALSE(call.is_answered());
        EXPECT_TRUE(run({"busctl", "get-property", "org.qemunit1", vm_path(vm.name()),
                         "org.qemunit1.VM", "State"})
                        .ok());
    };
    ASSERT_EQ(kill(qemu, SIGSTOP), 0);
    {
        PendingCall load(vm.name(), "LoadSnapshot", "small");
        let_arrive(load);
        expect_busy(resize(vm, "data", 32 * kMiB), "a snapshot is being loaded");
        ASSERT_EQ(kill(qemu, SIGCONT), 0);
        EXPECT_EQ(load.wait().error, "");
    }
    ASSERT_EQ(kill(qemu, SIGSTOP), 0);
    {
        PendingCall backup(vm.name(), "BeginBackup", "");
        let_arrive(backup);
        expect_busy(resize(vm, "data", 32 * kMiB), "a backup of the VM begins");
        expect_busy(call_vm(vm.name(), "LoadSnapshot", "small"), "a backup of the VM begins");
        ASSERT_EQ(kill(qemu, SIGCONT), 0);
        EXPECT_EQ(backup.wait().error, "");
    }
    // The backup ends with the connection of its caller.
    BusReply reply;
    for (const Deadline deadline; !deadline.passed();)
        if (reply = resize(vm, "data", 32 * kMiB); reply.error != "org.qemunit1.Error.Busy")
            break;
    EXPECT_EQ(reply.error, "") << reply;
    EXPECT_EQ(size_of_image(state_of(vm) + "d.qcow2"), std::to_string(32 * kMiB));
}

// Nobody keeps a monitor from loading a snapshot: the size is what is asked for last.
TEST(Growth, AsksForTheSizeLast) {
    remove_state("growlast");
    VmUnderTest vm("growlast",
                   boot_sector_ini() +
                       "[VM]\nArguments=-trace qmp_enter_query_block -trace qmp_enter_query_status "
                       "-trace qmp_enter_query_migrate -trace qmp_enter_block_resize\n"
                       "[Drive data]\nFile=d.qcow2\nSize=16M\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_EQ(resize(vm, "data", 32 * kMiB).error, "");
    const std::string log = log_of(vm);
    const std::size_t resized = log.find("qmp_enter_block_resize");
    ASSERT_NE(resized, log.npos) << log;
    const auto last = [&](const char *command) {
        return log.rfind(std::string("qmp_enter_") + command, resized);
    };
    for (const char *command : {"query_status", "query_migrate"})
        EXPECT_LT(last(command), last("query_block ")) << log;
}

TEST(Growth, HoldsOverHibernationAndSnapshots) {
    const auto ini = [](const std::string &size) {
        return silent_linux_ini() +
               "[VM]\nStop=hibernate\n[Drive root]\nFile=root.qcow2\nSize=" + size;
    };
    remove_state("growsaved");
    VmUnderTest vm("growsaved", ini("16M\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        GuestShell guest(vm);
        prepare_disks(guest);
        ASSERT_EQ(call_vm(vm.name(), "SaveSnapshot", "small").error, "");
        reload(vm, ini("48M\n"));
        wait_for_sectors(guest, "vda", 48 * kMiB);
        guest.run("echo late | dd of=/dev/vda bs=512 seek=98303 conv=sync,fsync");
    }
    ASSERT_TRUE(vm.stop().ok());
    ASSERT_TRUE(fs::exists(state_of(vm) + "hibernated")) << log_of(vm);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        GuestShell guest = GuestShell::of_resumed(vm);
        EXPECT_EQ(guest.run("cat /sys/block/vda/size"), "98304\n");
        EXPECT_EQ(guest.run("dd if=/dev/vda bs=512 skip=98303 2>/dev/null | head -n 1"), "late\n");
        reload(vm, ini("64M\n"));
        wait_for_sectors(guest, "vda", 64 * kMiB);
    }
    // The disk is as it was then, and grows again.
    ASSERT_EQ(call_vm(vm.name(), "LoadSnapshot", "small").error, "");
    EXPECT_EQ(size_of_image(state_of(vm) + "root.qcow2"), std::to_string(16 * kMiB));
    ASSERT_TRUE(vm.systemctl("reload").ok()) << log_of(vm);
    EXPECT_EQ(size_of_image(state_of(vm) + "root.qcow2"), std::to_string(64 * kMiB));
}

// Neither a QEMU that stands still nor one that dies leaves a reload waiting.
TEST(Growth, EndsWhateverQemuDoes) {
    const auto ini = [](const std::string &size) {
        return boot_sector_ini() + "[Drive data]\nFile=d.qcow2\nSize=" + size;
    };
    remove_state("growhung");
    VmUnderTest vm("growhung", ini("16M\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_EQ(kill(vm.main_pid(), SIGSTOP), 0);
    const Finished hung = try_reload(vm, ini("32M\n"));
    EXPECT_FALSE(hung.ok());
    EXPECT_EQ(kill(vm.main_pid(), SIGCONT), 0);
    EXPECT_EQ(unit_property(vm.unit(), "ActiveState"), "active");
    const Finished again = try_reload(vm, ini("32M\n"));
    EXPECT_TRUE(again.ok()) << again << log_of(vm);
    EXPECT_EQ(size_of_image(state_of(vm) + "d.qcow2"), std::to_string(32 * kMiB));

    ASSERT_EQ(kill(vm.main_pid(), SIGSTOP), 0);
    write_file(vm.ini_path(), ini("48M\n"));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    ASSERT_TRUE(run_words("systemctl reload --no-block " + vm.unit()).ok());
    ASSERT_TRUE(wait_for_state(vm.unit(), "reloading"));
    ASSERT_EQ(kill(vm.main_pid(), SIGKILL), 0);
    ASSERT_TRUE(wait_for_state(vm.unit(), "failed"));
    const Finished checked = run({"qemu-img", "check", state_of(vm) + "d.qcow2"});
    EXPECT_TRUE(checked.ok()) << checked;
}

}  // namespace
}  // namespace qemunit::e2e
