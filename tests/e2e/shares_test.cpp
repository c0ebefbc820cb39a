// SPDX-License-Identifier: MIT
//
// Folders of the host in the guest.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

// A folder with "hello" in it; gone at the end.
class Folder {
  public:
    explicit Folder(std::string path) : path_(std::move(path)) {
        fs::create_directories(path_);
        write_file(path_ + "/hello", "hello from the host\n");
    }
    ~Folder() { fs::remove_all(path_); }
    const std::string &path() const { return path_; }

  private:
    std::string path_;
};

// Debian's cloud kernel has no 9p (tools/fetch-linux-guest).
std::string ninep_linux_ini() {
    return silent_linux_ini() + "[Boot]\nKernel=" + kGuestDir + "/vmlinuz-9p\nInitrd=" + kGuestDir +
           "/initrd-9p\n";
}

const std::string kMountVirtiofs = "mount -t virtiofs ";
const std::string kMountNinep = "mount -t 9p -o trans=virtio,version=9p2000.L ";

// The folder, with the tag "code", and once more as "only", for reading only.
std::string shares_of(const Folder &folder, const std::string &type) {
    return "[Share src]\nPath=" + folder.path() + "\nType=" + type +
           "\nTag=code\n"
           "[Share only]\nPath=" +
           folder.path() + "\nType=" + type + "\nReadOnly=yes\n";
}

void expect_shares(GuestShell &guest, const Folder &folder, const std::string &mount) {
    EXPECT_EQ(guest.run("mkdir /only; " + mount + "code /mnt && " + mount + "only /only"), "");
    EXPECT_EQ(guest.run("cat /mnt/hello"), "hello from the host\n");
    EXPECT_EQ(guest.run("echo hello from the guest >/mnt/reply; sync"), "");
    EXPECT_EQ(read_file(folder.path() + "/reply"), "hello from the guest\n");
    EXPECT_EQ(guest.run("cat /only/reply"), "hello from the guest\n");
    EXPECT_NE(guest.run("echo >/only/reply").find("Read-only"), std::string::npos);
    EXPECT_EQ(guest.run("ls /mnt/.."), guest.run("ls /"));
}

TEST(Shares, VirtiofsReadsAndWrites) {
    Folder folder("/srv/a share, with 100%");
    VmUnderTest vm("sharefs", silent_linux_ini() + shares_of(folder, "virtiofs"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtiofs");
    expect_shares(guest, folder, kMountVirtiofs);

    const std::string server = "qemu-virtiofs@sharefs:src.service";
    EXPECT_EQ(unit_property(server, "ActiveState"), "active");
    // With it, CAP_DAC_READ_SEARCH opens any file of the file system that the folder is on.
    const std::string allowed = unit_property(server, "SystemCallFilter");
    EXPECT_NE(allowed.find("name_to_handle_at"), std::string::npos) << allowed;
    EXPECT_EQ(allowed.find("open_by_handle_at"), std::string::npos) << allowed;
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_TRUE(wait_for_state(server, "inactive"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(unit_property(server, "ActiveState"), "active");
}

// Debian 12 has a virtiofsd that cannot save its part, Debian 13 one that can.
TEST(Shares, VirtiofsIsThereAgainIfItsGuestCouldBeSaved) {
    Folder folder("/srv/saved");
    VmUnderTest vm("sharesaved", silent_linux_ini() + "[VM]\nStop=hibernate\nStopTimeout=8s\n" +
                                     shares_of(folder, "virtiofs"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        GuestShell guest(vm);
        guest.run("modprobe -a virtio_pci virtiofs");
        expect_shares(guest, folder, kMountVirtiofs);
    }
    ASSERT_TRUE(vm.stop().ok());
    const bool is_saved = fs::exists("/var/lib/qemunit/sharesaved/hibernated");
    EXPECT_NE(journalctl(vm.unit()).find(is_saved ? "the machine's state is saved in"
                                                  : "shutting the guest down instead"),
              std::string::npos);
    if (!is_saved)
        return;
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    auto serial = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(serial) << serial.error().message;
    ASSERT_TRUE(serial->send("echo goes on >/mnt/reply; sync; cat /only/reply\r"));
    auto answer = serial->read_until("goes on");
    EXPECT_TRUE(answer) << answer.error().message << vm.status();
}

// As at the host's shutdown, where systemd is told to stop both at once: the guest still writes to
// its share while it shuts down.
TEST(Shares, VirtiofsOutlastsAGuestThatShutsDown) {
    Folder folder("/srv/outlasts");
    VmUnderTest vm("shareslast",
                   deaf_ini() + "Stop=poweroff\nStopTimeout=8s\n[Share src]\nType=virtiofs\nPath=" +
                       folder.path() + "\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string server = "qemu-virtiofs@shareslast:src.service";
    ASSERT_TRUE(wait_for_state(server, "active"));
    const Finished stopped = run({"systemctl", "stop", "--no-block", vm.unit(), server});
    EXPECT_TRUE(stopped.ok()) << stopped;
    EXPECT_TRUE(wait_for_state(server, "inactive"));
    run_words("journalctl --sync");
    const std::string journal = journalctl(vm.unit());
    EXPECT_NE(journal.find("pulling the plug"), std::string::npos) << journal;
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
}

// Whoever of the host opens or runs them would be root.
TEST(Shares, TheGuestsRootMakesNothingThatGivesRootsRights) {
    Folder folder("/srv/special");
    const auto ini = [&](const std::string &key) {
        return silent_linux_ini() + "[Share src]\nType=virtiofs\nPath=" + folder.path() + "\n" +
               key;
    };
    const std::vector<std::string> forbidden{"mknod /mnt/node c 1 3", "chmod 4755 /mnt/file",
                                             "chmod 2755 /mnt/file"};
    {
        VmUnderTest vm("sharespecial", ini(""));
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        GuestShell guest(vm);
        guest.run("modprobe -a virtio_pci virtiofs; " + kMountVirtiofs + "src /mnt");
        EXPECT_EQ(guest.run("cp /bin/busybox /mnt/file && chmod 755 /mnt/file; sync"), "");
        EXPECT_EQ(guest.run("mkfifo /mnt/pipe && chown 5:6 /mnt/pipe"), "");
        for (const std::string &command : forbidden)
            EXPECT_NE(guest.run(command).find("not permitted"), std::string::npos) << command;
        EXPECT_EQ(run({"find", folder.path(), "-type", "c", "-o", "-perm", "/6000"}).output, "");
    }
    VmUnderTest vm("sharespecial", ini("SpecialFiles=yes\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtiofs; " + kMountVirtiofs + "src /mnt");
    for (const std::string &command : forbidden)
        EXPECT_EQ(guest.run(command), "") << command;
}

TEST(Shares, VfatIsADiskWithTheFolderOnIt) {
    Folder folder("/srv/fat");
    VmUnderTest vm("sharefat",
                   silent_linux_ini() + "[Share src]\nPath=" + folder.path() + "\nType=vfat\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_blk vfat nls_cp437 nls_ascii");
    EXPECT_EQ(guest.run("mount -t vfat -o ro /dev/vda1 /mnt"), "");
    EXPECT_EQ(guest.run("cat /mnt/hello"), "hello from the host\n");
}

TEST(Shares, NinepReadsAndWritesAsTheUserOfQemu) {
    Folder folder("/srv/nine, with 100%");
    // What all VMs may have.
    ASSERT_TRUE(run({"chgrp", "qemunit", folder.path()}).ok());
    ASSERT_TRUE(run({"chmod", "g+w", folder.path()}).ok());
    VmUnderTest vm("sharenine", ninep_linux_ini() + shares_of(folder, "9p"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci 9pnet_virtio 9p");
    expect_shares(guest, folder, kMountNinep);
    EXPECT_EQ(run({"stat", "--format=%U", folder.path() + "/reply"}).output, "qemu-sharenine\n");
    EXPECT_NE(guest.run("echo >/mnt/hello").find("Permission denied"), std::string::npos);
}

// The initrd's shell stands for a distribution's initrd, which mounts what root= names.
void boot_from_folder(const VmUnderTest &vm, const std::string &modules, const std::string &mount,
                      const std::string &expected) {
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    EXPECT_NE(guest.run("cat /proc/cmdline").find(expected), std::string::npos);
    guest.run("modprobe -a virtio_pci " + modules);
    guest.run(
        "for word in $(cat /proc/cmdline); do case $word in root=*) "
        "tag=${word#root=};; esac; done");
    EXPECT_EQ(guest.run(mount + "$tag /mnt && mount -t devtmpfs dev /mnt/dev"), "");
    auto serial = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(serial) << serial.error().message;
    ASSERT_TRUE(serial->send("exec chroot /mnt /bin/init\r"));
    auto hello = serial->read_until("hello from the host");
    EXPECT_TRUE(hello) << hello.error().message;
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
}

TEST(Shares, AFolderIsTheGuestsRoot) {
    Folder folder("/srv/tree");
    for (const char *name : {"bin", "dev", "proc", "sys"})
        fs::create_directories(folder.path() + "/" + name);
    fs::copy_file("/bin/busybox", folder.path() + "/bin/busybox");
    write_file(folder.path() + "/bin/init",
               "#!/bin/busybox sh\n/bin/busybox cat /hello >/dev/ttyS0\n"
               "/bin/busybox poweroff -f\n");
    fs::permissions(folder.path() + "/bin/init", fs::perms(0755));
    const std::string root = "[Share tree]\nPath=" + folder.path() + "\nRoot=yes\nType=";
    {
        VmUnderTest vm("shareroot", silent_linux_ini() + root + "virtiofs\n");
        boot_from_folder(vm, "virtiofs", kMountVirtiofs, "root=tree rootfstype=virtiofs rw");
    }
    VmUnderTest vm("shareroot9p", ninep_linux_ini() + root + "9p\n");
    boot_from_folder(vm, "9pnet_virtio 9p", kMountNinep,
                     "root=tree rootfstype=9p rootflags=trans=virtio,version=9p2000.L rw");
}

}  // namespace
}  // namespace qemunit::e2e
