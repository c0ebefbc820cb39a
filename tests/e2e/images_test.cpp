// SPDX-License-Identifier: MIT
//
// Disk images that are not what the ini makes people expect: of another format, another size,
// another VM's, on another disk.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/expect_contains.h"
#include "tests/e2e/journal.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

Finished check(const VmUnderTest &vm) {
    return run({"qemunitctl", "check", vm.name()});
}

std::string drive(const std::string &keys) {
    return boot_sector_ini() + "[Drive data]\n" + keys;
}

// As Ubuntu's cloud images are: a qcow2 whose name says nothing of it.
class ImageOfUnclearName {
  public:
    ImageOfUnclearName() {
        const Finished made = run({"qemu-img", "create", "-q", "-f", "qcow2", path(), "3M"});
        EXPECT_TRUE(made.ok()) << made;
        fs::permissions(path(), fs::perms(0666));
    }
    ~ImageOfUnclearName() { fs::remove(path()); }
    static std::string path() { return "/srv/noble.img"; }
};

TEST(Images, AQcow2IsNotReadAsRaw) {
    const ImageOfUnclearName image;
    for (const std::string more : {"", "ReadOnly=yes\n", "Ephemeral=yes\n", "Size=3M\n"}) {
        const VmUnderTest vm("unclear", drive("File=" + image.path() + "\n" + more));
        expect_contains(check(vm).output, "is qcow2 by its content, but raw by its name");
        EXPECT_FALSE(vm.start().ok()) << more;
        expect_contains(vm.status().output,
                        image.path() +
                            " is qcow2 by its content, but raw by its name, which "
                            "counts: write Format=qcow2, or Format=raw if");
    }
    // Whoever says what it is has it.
    for (const std::string format : {"qcow2", "raw"}) {
        const VmUnderTest vm("clear", drive("File=" + image.path() + "\nFormat=" + format + "\n"));
        EXPECT_TRUE(vm.start().ok()) << vm.status();
        EXPECT_FALSE(check(vm).says("by its content"));
    }
}

TEST(Images, NoLayerIsMadeOnAMistake) {
    const ImageOfUnclearName image;
    const std::string keys = "File=layer.qcow2\nBackingFile=" + image.path() + "\n";
    const std::string layer = "/var/lib/qemunit/layered/layer.qcow2";
    {
        const VmUnderTest vm("layered", drive(keys));
        expect_contains(check(vm).output, "write BackingFormat=qcow2");
        EXPECT_FALSE(vm.start().ok());
        expect_contains(journalctl("qemu-image@layered.service"),
                        image.path() +
                            " is qcow2 by its content, but raw by its name, which "
                            "counts: write BackingFormat=qcow2");
        EXPECT_FALSE(fs::exists(layer));
    }
    const VmUnderTest vm("layered", drive(keys + "BackingFormat=qcow2\n"));
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_FALSE(check(vm).says("by its content"));
    const Finished info = run({"qemu-img", "info", "-U", layer});
    expect_contains(info.output, "backing file format: qcow2");
    expect_contains(info.output, "virtual size: 3 MiB");
}

TEST(Images, ALayerThatWasMadeOnAMistake) {
    const ImageOfUnclearName image;
    const std::string ini = "File=/srv/mistaken.qcow2\nBackingFile=" + image.path() + "\n";
    const VmUnderTest vm("mistaken", drive(ini));
    const Finished made = run({"qemu-img", "create", "-q", "-f", "qcow2", "-F", "raw", "-b",
                               image.path(), "/srv/mistaken.qcow2"});
    ASSERT_TRUE(made.ok()) << made;
    EXPECT_FALSE(vm.start().ok());
    expect_contains(vm.status().output,
                    "/srv/noble.img is qcow2 by its content, but raw by its name, which counts: "
                    "write BackingFormat=qcow2, or BackingFormat=raw");
    EXPECT_TRUE(check(vm).says("was made on top of /srv/noble.img as raw, which is qcow2"));
    // The advice is true.
    write_file(vm.ini_path(), drive(ini + "BackingFormat=raw\n"));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    EXPECT_TRUE(vm.start().ok()) << vm.status();
    fs::remove("/srv/mistaken.qcow2");
}

TEST(Images, AnotherSizeThanTheInis) {
    {
        const VmUnderTest vm("sized", drive("File=data.qcow2\nSize=3M\n"));
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        EXPECT_FALSE(check(vm).says("Size="));
    }
    const VmUnderTest vm("sized", drive("File=/srv/sized.qcow2\nSize=5M\n"));
    ASSERT_TRUE(run({"qemu-img", "create", "-q", "-f", "qcow2", "/srv/sized.qcow2", "3M"}).ok());
    fs::permissions("/srv/sized.qcow2", fs::perms(0666));
    const std::string advice = "qemu-img resize -f qcow2 '/srv/sized.qcow2' 5242880";
    expect_contains(check(vm).output, "/srv/sized.qcow2 has 3M, while Size=5M");
    expect_contains(check(vm).output, advice);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_contains(journalctl(vm.unit()), advice);
    EXPECT_TRUE(vm.stop().ok());
    EXPECT_TRUE(run({"sh", "-c", advice}).ok());
    EXPECT_FALSE(check(vm).says("Size="));
    fs::remove("/srv/sized.qcow2");
}

TEST(Images, ARenamedVmsOldDisk) {
    const std::string old = "/var/lib/qemunit/oldname/renamed.img";
    fs::create_directories("/var/lib/qemunit/oldname");
    write_file(old, std::string(1 << 20, 'x'));
    const VmUnderTest vm("newname", drive("File=renamed.img\nSize=1M\n"));
    expect_contains(check(vm).output, "there is " + old);
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    expect_contains(journalctl("qemu-image@newname.service"),
                    "there is " + old + ", and no VM 'oldname' is configured any more");
    EXPECT_FALSE(check(vm).says(old)) << "it has an image now";
    EXPECT_EQ(read_file(old), std::string(1 << 20, 'x'));
    fs::remove_all("/var/lib/qemunit/oldname");
}

// What is in there goes; each test has its own.
class AllStateElsewhere {
  public:
    AllStateElsewhere() {
        fs::remove_all("/var/lib/qemunit");
        fs::create_directories("/srv/qemunit");
        fs::create_directory_symlink("/srv/qemunit", "/var/lib/qemunit");
        EXPECT_TRUE(remount().ok());
    }
    ~AllStateElsewhere() {
        fs::remove("/var/lib/qemunit");
        fs::remove_all("/srv/qemunit");
        fs::create_directories("/var/lib/qemunit");
        EXPECT_TRUE(remount().ok());
    }

  private:
    static Finished remount() {
        return run_words("systemctl restart var-lib-private-qemunit_vms.mount");
    }
};

TEST(Images, AllOnAnotherDiskByALink) {
    const AllStateElsewhere elsewhere;
    const VmUnderTest vm("moved", drive("File=data.img\nSize=1M\n") + "[VM]\nTPM=yes\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(fs::exists("/srv/qemunit/moved/data.img"));
    // swtpm writes there until it has ended.
    EXPECT_TRUE(vm.stop().ok());
    EXPECT_TRUE(wait_for_state("qemu-tpm@moved.service", "inactive"));
}

TEST(Images, OneVmOnAnotherDiskByALink) {
    const std::string folder = "/var/lib/qemunit/onelink";
    fs::create_directories("/srv/onelink");
    fs::create_directory_symlink("/srv/onelink", folder);
    const VmUnderTest vm("onelink", boot_sector_ini());
    EXPECT_FALSE(vm.start().ok());
    const std::string line = "/srv/onelink " + folder + " none bind 0 0";
    expect_contains(check(vm).output, line);

    // As it says.
    fs::remove(folder);
    fs::create_directories(folder);
    const std::string fstab = read_file("/etc/fstab");
    write_file("/etc/fstab", fstab + "\n" + line + "\n");
    run_words("systemctl daemon-reload");
    EXPECT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(run({"mountpoint", "-q", folder}).ok());
    vm.stop();
    run({"umount", folder});
    write_file("/etc/fstab", fstab + "\n");
    run_words("systemctl daemon-reload");
    fs::remove_all(folder);
    fs::remove_all("/srv/onelink");
}

}  // namespace
}  // namespace qemunit::e2e
