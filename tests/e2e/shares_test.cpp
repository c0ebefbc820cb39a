// SPDX-License-Identifier: MIT
//
// Folders of the host in the guest.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/guest_shell.h"
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

TEST(Shares, VirtiofsReadsAndWrites) {
    Folder folder("/srv/a share, with 100%");
    VmUnderTest vm("sharefs", silent_linux_ini() + "[Share src]\nPath=" + folder.path() +
                                  "\nType=virtiofs\nTag=code\n"
                                  "[Share only]\nPath=" +
                                  folder.path() + "\nType=virtiofs\nReadOnly=yes\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtiofs; mkdir /only");
    EXPECT_EQ(guest.run("mount -t virtiofs code /mnt && mount -t virtiofs only /only"), "");
    EXPECT_EQ(guest.run("cat /mnt/hello"), "hello from the host\n");
    EXPECT_EQ(guest.run("echo hello from the guest >/mnt/reply; sync"), "");
    EXPECT_EQ(read_file(folder.path() + "/reply"), "hello from the guest\n");
    EXPECT_NE(guest.run("echo >/only/reply").find("Read-only"), std::string::npos);
    EXPECT_EQ(guest.run("ls /mnt/.."), guest.run("ls /"));

    const std::string server = "qemu-virtiofs@sharefs:src.service";
    EXPECT_EQ(unit_property(server, "ActiveState"), "active");
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_TRUE(wait_for_state(server, "inactive"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_EQ(unit_property(server, "ActiveState"), "active");
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

// The guest's kernel has no 9p; that the device is there is what QEMU tells.
TEST(Shares, NinepIsOfferedToTheGuest) {
    Folder folder("/srv/nine");
    VmUnderTest vm("sharenine", boot_sector_ini() + "[Share src]\nPath=" + folder.path() +
                                    "\n[Share only]\nPath=" + folder.path() +
                                    "\nReadOnly=yes\nTag=other\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string tree = monitor_command(vm.name(), "info qtree").value;
    EXPECT_NE(tree.find("mount_tag = \"src\""), std::string::npos) << tree;
    EXPECT_NE(tree.find("mount_tag = \"other\""), std::string::npos) << tree;
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
    // The initrd's shell stands for a distribution's initrd, which mounts what root= names.
    VmUnderTest vm("shareroot", silent_linux_ini() + "[Share tree]\nPath=" + folder.path() +
                                    "\nType=virtiofs\nRoot=yes\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    EXPECT_NE(guest.run("cat /proc/cmdline").find("root=tree rootfstype=virtiofs rw"),
              std::string::npos);
    guest.run("modprobe -a virtio_pci virtiofs");
    guest.run(
        "for word in $(cat /proc/cmdline); do case $word in root=*) "
        "tag=${word#root=};; esac; done");
    EXPECT_EQ(guest.run("mount -t virtiofs $tag /mnt && mount -t devtmpfs dev /mnt/dev"), "");
    auto serial = UnixClient::connect(vm.socket("serial"));
    ASSERT_TRUE(serial) << serial.error().message;
    ASSERT_TRUE(serial->send("exec chroot /mnt /bin/init\r"));
    auto hello = serial->read_until("hello from the host");
    EXPECT_TRUE(hello) << hello.error().message;
    EXPECT_TRUE(wait_for_state(vm.unit(), "inactive"));
}

}  // namespace
}  // namespace qemunit::e2e
