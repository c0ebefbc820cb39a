// SPDX-License-Identifier: MIT
//
// Images on a file system that is mounted late, or not at all: a VM waits for it, and never starts
// with a blank disk instead. The mounts are systemd's own, of units and of /etc/fstab.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/expect_contains.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/user_session.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

// A folder of the host that shows at a mount point once its unit is started; nothing is mounted,
// and all of it gone, at the end.
class MountUnderTest {
  public:
    explicit MountUnderTest(std::string point) : point_(std::move(point)) {
        unit_ = trimmed(run({"systemd-escape", "--path", "--suffix=mount", point_}).output);
        fs::create_directories(store());
        fs::create_directories(point_);
    }
    ~MountUnderTest() {
        run({"systemctl", "stop", unit_});
        fs::remove("/etc/systemd/system/" + unit_);
        if (!fstab_.empty())
            write_file("/etc/fstab", fstab_);
        run_words("systemctl daemon-reload");
        run_words("systemctl reset-failed");
        fs::remove_all(store());
        fs::remove_all(point_);
    }
    MountUnderTest(const MountUnderTest &) = delete;
    MountUnderTest &operator=(const MountUnderTest &) = delete;

    void by_unit() const {
        std::string where;
        for (const char c : point_)
            where += c == '%' ? "%%" : std::string(1, c);
        write_file("/etc/systemd/system/" + unit_,
                   "[Mount]\nWhat=" + store() + "\nWhere=" + where + "\nType=none\nOptions=bind\n");
        run_words("systemctl daemon-reload");
    }
    void by_fstab(const std::string &what, const std::string &type, const std::string &options) {
        fstab_ = read_file("/etc/fstab") + "\n";
        write_file("/etc/fstab",
                   fstab_ + what + " " + point_ + " " + type + " " + options + " 0 0\n");
        run_words("systemctl daemon-reload");
    }
    bool is_mounted() const { return run({"mountpoint", "-q", point_}).ok(); }

    std::string store() const { return "/srv/store-of-mounts"; }
    const std::string &point() const { return point_; }
    const std::string &unit() const { return unit_; }

  private:
    std::string point_, unit_, fstab_;
};

std::string made_below(const std::string &folder) {
    return boot_sector_ini() + "[Drive data]\nFile=" + folder + "/data.img\nSize=1M\n";
}

void expect_on_the_mount(const MountUnderTest &mount) {
    EXPECT_TRUE(mount.is_mounted());
    EXPECT_TRUE(fs::exists(mount.store() + "/data.img"));
}

// Nothing may be below the mount point, and the VM not run.
void expect_no_blank_disk(const MountUnderTest &mount, const VmUnderTest &vm) {
    const Finished start = vm.start();
    EXPECT_FALSE(start.ok()) << start << vm.status();
    EXPECT_EQ(vm.main_pid(), 0);
    EXPECT_TRUE(fs::is_empty(mount.point()));
}

TEST(Mounts, WhatIsNotMountedYetIsMountedFirst) {
    const MountUnderTest mount("/mnt/late");
    mount.by_unit();
    const VmUnderTest vm("late", made_below(mount.point()));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_on_the_mount(mount);

    // And the VM goes first.
    const Finished stop = run({"systemctl", "stop", mount.unit()});
    EXPECT_TRUE(stop.ok()) << stop;
    EXPECT_EQ(vm.main_pid(), 0);
    EXPECT_TRUE(fs::is_empty(mount.point()));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_on_the_mount(mount);
}

TEST(Mounts, WithNoauto) {
    MountUnderTest mount("/mnt/noauto");
    mount.by_fstab(mount.store(), "none", "bind,noauto");
    const VmUnderTest vm("noauto", made_below(mount.point()));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_on_the_mount(mount);
}

TEST(Mounts, WithNofailThatFails) {
    MountUnderTest mount("/mnt/nofail");
    mount.by_fstab("nothing", "no-such-type", "nofail");
    const VmUnderTest vm("nofail", made_below(mount.point()));
    expect_no_blank_disk(mount, vm);
}

TEST(Mounts, APathWithAllThatSystemdMinds) {
    const MountUnderTest mount("/mnt/my 100% $HOME's");
    mount.by_unit();
    const VmUnderTest vm("odd-mount", made_below(mount.point()));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_on_the_mount(mount);
}

TEST(Mounts, WhatOthersOpenForTheVm) {
    const MountUnderTest mount("/mnt/parts");
    mount.by_unit();
    write_file(mount.store() + "/base.img", std::string(1 << 20, 'x'));
    write_file(mount.store() + "/secret", "hush");
    fs::create_directories(mount.store() + "/folder");
    for (const std::string &section :
         {std::string("[Drive d]\nFile=d.qcow2\nBackingFile=/mnt/parts/base.img\n"),
          std::string("[Credential c]\nFile=/mnt/parts/secret\n"),
          std::string("[Share s]\nPath=/mnt/parts/folder\nType=virtiofs\n"),
          std::string("[Share s]\nPath=/mnt/parts/folder\n")}) {
        const VmUnderTest vm("parts", boot_sector_ini() + section);
        EXPECT_TRUE(vm.start().ok()) << section << vm.status();
        EXPECT_TRUE(mount.is_mounted()) << section;
        EXPECT_TRUE(run({"systemctl", "stop", mount.unit()}).ok());
    }
}

// systemd goes by the text of a path, not by where it leads.
TEST(Mounts, NoBlankDiskThroughALink) {
    const MountUnderTest mount("/mnt/linked");
    mount.by_unit();
    fs::create_symlink(mount.point(), "/srv/link-to-mount");
    const VmUnderTest vm("linked", made_below("/srv/link-to-mount"));
    expect_no_blank_disk(mount, vm);
    expect_contains(journalctl("qemu-image@linked.service"), "/mnt/linked is a mount point of ");
    EXPECT_TRUE(run({"systemctl", "start", mount.unit()}).ok());
    EXPECT_TRUE(vm.start().ok()) << vm.status();
    expect_on_the_mount(mount);
    fs::remove("/srv/link-to-mount");
}

TEST(Mounts, NoBlankDiskOfAUser) {
    const MountUnderTest mount("/mnt/of-user");
    mount.by_unit();
    const UserSession user("mounty");
    for (const std::string &folder : {mount.point(), mount.store()})
        fs::permissions(folder, fs::perms::all);
    const VmOfUser vm(user, "usermount", made_below(mount.point()));
    EXPECT_FALSE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(fs::is_empty(mount.point()));
    EXPECT_TRUE(run({"systemctl", "start", mount.unit()}).ok());
    EXPECT_TRUE(vm.start().ok()) << vm.status();
    expect_on_the_mount(mount);
}

}  // namespace
}  // namespace qemunit::e2e
