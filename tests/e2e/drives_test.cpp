// SPDX-License-Identifier: MIT
//
// How QEMU treats the images of drives, by what it does: to the files, in its process, and for
// the guest.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/guest_shell.h"

namespace qemunit::e2e {
namespace {

std::string drive(const std::string &name, const std::string &keys) {
    return "[Drive " + name + "]\nFile=" + name + ".img\nSize=4M\n" + keys;
}

std::string image(const VmUnderTest &vm, const std::string &name) {
    return "/var/lib/qemunit/" + vm.name() + "/" + name + ".img";
}

// What the file takes of the host's disk.
long bytes_of(const std::string &path) {
    struct stat info {};
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return info.st_blocks * 512L;
}

TEST(Drives, TheCacheIsAsTheIniSays) {
    struct Mode {
        std::string name, shown, seen_by_guest;
    };
    const Mode modes[] = {
        {"writeback", "writeback", "write back\n"},
        {"writethrough", "writethrough", "write through\n"},
        {"none", "writeback, direct", "write back\n"},
        {"directsync", "writethrough, direct", "write through\n"},
        {"unsafe", "writeback, ignore flushes", "write back\n"},
    };
    std::string ini = silent_linux_ini();
    for (const Mode &mode : modes)
        ini += drive(mode.name, "Cache=" + mode.name + "\n");
    VmUnderTest vm("caches", ini);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_blk");
    std::string disk = "vda";
    for (const Mode &mode : modes) {
        const BusReply block = monitor_command(vm.name(), "info block " + mode.name);
        EXPECT_TRUE(block.value.ends_with("Cache mode:       " + mode.shown)) << block;
        EXPECT_EQ(guest.run("cat /sys/block/" + disk + "/queue/write_cache"), mode.seen_by_guest)
            << mode.name;
        ++disk.back();
    }
}

// The guest sees no difference: both disks take the request.
TEST(Drives, DiscardedSpaceIsGivenBackIfTheIniSaysSo) {
    VmUnderTest vm("discards", silent_linux_ini() + drive("given", "Discard=yes\n") +
                                   drive("kept", "Discard=no\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_blk");
    constexpr long kWritten = 2 << 20;
    for (const char *disk : {"/dev/vda", "/dev/vdb"})
        guest.run("dd if=/dev/urandom of=" + std::string(disk) + " bs=1M count=2; sync");
    EXPECT_GE(bytes_of(image(vm, "given")), kWritten);
    EXPECT_GE(bytes_of(image(vm, "kept")), kWritten);
    EXPECT_EQ(guest.run("blkdiscard /dev/vda && blkdiscard /dev/vdb; sync"), "");
    EXPECT_LT(bytes_of(image(vm, "given")), kWritten);
    EXPECT_GE(bytes_of(image(vm, "kept")), kWritten);
}

TEST(Drives, WritesAreKeptRefusedOrThrownAway) {
    const std::string path = "/srv/drives.img";
    write_file(path, std::string(1 << 20, 'x'));
    VmUnderTest vm("writes", silent_linux_ini() + "[Drive locked]\nFile=" + path +
                                 "\nReadOnly=yes\n[Drive lost]\nFile=" + path +
                                 "\nEphemeral=yes\n" + drive("kept", ""));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell guest(vm);
    guest.run("modprobe -a virtio_pci virtio_blk");
    EXPECT_EQ(guest.run("cat /sys/block/vd[abc]/ro"), "1\n0\n0\n");
    expect_contains(guest.run("echo hello >/dev/vda"), "not permitted");
    for (const char *disk : {"/dev/vdb", "/dev/vdc"})
        EXPECT_EQ(guest.run("echo hello >" + std::string(disk) + "; sync; head -n 1 " + disk),
                  "hello\n");
    EXPECT_EQ(read_file(path), std::string(1 << 20, 'x'));
    EXPECT_TRUE(read_file(image(vm, "kept")).starts_with("hello\n"));
    std::filesystem::remove(path);
}

// What the kernel gave QEMU's process: contexts of io_setup(2), rings of io_uring_setup(2).
struct Aio {
    long contexts = 0, rings = 0;

    explicit Aio(const VmUnderTest &vm) {
        // QEMU 10 asks for them once there is something to read.
        const BusReply read = monitor_command(vm.name(), "qemu-io data \"read 0 4k\"");
        EXPECT_EQ(read.error, "") << read;
        const std::string process = "/proc/" + std::to_string(vm.main_pid());
        const std::string maps = read_file(process + "/maps");
        for (std::size_t at = 0; (at = maps.find("[aio]", at)) != std::string::npos; ++at)
            ++contexts;
        for (const auto &fd : std::filesystem::directory_iterator(process + "/fd"))
            if (std::error_code gone;  // since it was listed
                std::filesystem::read_symlink(fd, gone) == "anon_inode:[io_uring]")
                ++rings;
    }
};

TEST(Drives, ImagesAreReadTheWayTheIniSays) {
    const auto vms = VmUnderTest::several(
        "aio", {boot_sector_ini() + drive("data", "Cache=none\nAIO=threads\n"),
                boot_sector_ini() + drive("data", "Cache=none\nAIO=native\n"),
                boot_sector_ini() + drive("data", "Cache=none\nAIO=io_uring\n")});
    for (const auto &vm : vms)
        ASSERT_TRUE(vm->start().ok()) << vm->status();
    const Aio threads(*vms[0]), native(*vms[1]), io_uring(*vms[2]);
    EXPECT_EQ(threads.contexts, 0);
    EXPECT_GT(native.contexts, 0);
    EXPECT_EQ(io_uring.contexts, 0);
    EXPECT_EQ(native.rings, threads.rings);
    EXPECT_GT(io_uring.rings, 0);  // in QEMU 11, it shares those that every event loop has
}

}  // namespace
}  // namespace qemunit::e2e
