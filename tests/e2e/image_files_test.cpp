// SPDX-License-Identifier: MIT
//
// Images wherever they are, and whoever they belong to: root opens what the ini names, and QEMU,
// whose user may open none of them, gets just these files.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "tests/e2e/bus.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/sandbox_view.h"
#include "tests/e2e/unit_watch.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

// root:root, for nobody else; gone at the end.
class ClosedFolder {
  public:
    explicit ClosedFolder(std::string path) : path_(std::move(path)) {
        fs::remove_all(path_);
        fs::create_directories(path_);
        EXPECT_EQ(chmod(path_.c_str(), 0700), 0);
    }
    ~ClosedFolder() {
        run({"umount", "--quiet", path_});
        fs::remove_all(path_);
    }
    ClosedFolder(const ClosedFolder &) = delete;
    ClosedFolder &operator=(const ClosedFolder &) = delete;
    std::string operator/(const std::string &name) const { return path_ + "/" + name; }
    const std::string &path() const { return path_; }

    // By qemu-img, of 1 MiB, for its owner alone.
    std::string make(const std::string &name, const std::string &options = "-f raw") const {
        const Finished made =
            run({"sh", "-c", "umask 077 && qemu-img create -q " + options + " \"$0\" 1M",
                 *this / name});
        EXPECT_TRUE(made.ok()) << made;
        return *this / name;
    }

  private:
    std::string path_;
};

std::string ini_with(const std::string &keys) {
    return deaf_ini() + "Stop=quit\n[Drive root]\n" + keys;
}

void expect_start(const VmUnderTest &vm) {
    const Finished start = vm.start();
    EXPECT_TRUE(start.ok()) << start << vm.status();
}

std::string said_at_failure(const VmUnderTest &vm) {
    EXPECT_FALSE(vm.start().ok());
    EXPECT_TRUE(run_words("systemctl start qemu-failure@" + vm.name() + ".service").ok());
    return vm.status().output;
}

TEST(ImageFiles, OfRootForNobodyElse) {
    const ClosedFolder folder("/srv/imgroot");
    const std::string raw = folder.make("a.img"), qcow2 = folder.make("b.qcow2", "-f qcow2");
    VmUnderTest vm("imgroot", ini_with("File=" + raw + "\n[Drive more]\nFile=" + qcow2 +
                                       "\nCache=none\nDiscard=yes\n[Drive gone]\nFile=" +
                                       folder.make("c.img") + "\nEphemeral=yes\n"));
    EXPECT_FALSE(run_words("qemunitctl check imgroot").says("may not"));
    expect_start(vm);
    EXPECT_NE(open_inside(vm.main_pid(), raw, O_RDONLY), 0);
    const std::string blocks = monitor_command("imgroot", "info block").value;
    expect_contains(blocks, "root (qemunit-image-root): /dev/fdset/1 (raw)");
    expect_contains(blocks, "more (qemunit-image-more): /dev/fdset/2 (qcow2)");
    EXPECT_EQ(monitor_command("imgroot", "qemu-io root \"write -P 7 0 512\"").error, "");
    // systemd keeps nothing: a lock is QEMU's alone.
    EXPECT_EQ(unit_property(vm.unit(), "NFileDescriptorStore"), "0");
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_EQ(read_file(raw).substr(0, 512), std::string(512, '\7'));
    struct stat status {};
    ASSERT_EQ(stat(raw.c_str(), &status), 0);
    EXPECT_EQ(status.st_uid, 0u);
    EXPECT_EQ(status.st_mode & 0777, 0600u);
    expect_start(vm);
}

TEST(ImageFiles, InAHomeThatIsClosed) {
    const ClosedFolder home("/home/imghome");
    const std::string image = home.make("own.img");
    for (const std::string &path : {image, home.path()})
        ASSERT_EQ(chown(path.c_str(), 65534, 65534), 0);
    VmUnderTest vm("imghome", ini_with("File=" + image + "\n"));
    expect_start(vm);
    EXPECT_EQ(monitor_command("imghome", "qemu-io root \"write 0 512\"").error, "");
}

TEST(ImageFiles, OnAMediumThatCannotBeWritten) {
    const ClosedFolder folder("/srv/imgro");
    ASSERT_TRUE(run({"mount", "-t", "tmpfs", "-o", "size=4m", "none", folder.path()}).ok());
    const std::string image = folder.make("a.img");
    ASSERT_TRUE(run({"mount", "-o", "remount,ro", folder.path()}).ok());
    VmUnderTest vm("imgro", ini_with("File=" + image + "\n"));
    expect_contains(said_at_failure(vm),
                    "[Drive root] File=: Could not open '" + image +
                        "': Read-only file system. It is on a file system that cannot be written: "
                        "write ReadOnly=yes or Ephemeral=yes in [Drive root].");
    for (const char *key : {"ReadOnly=yes", "Ephemeral=yes", "Media=cdrom"}) {
        write_file(vm.ini_path(), ini_with("File=" + image + "\n" + key + "\n"));
        ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
        expect_start(vm);
        EXPECT_TRUE(vm.stop().ok());
    }
}

TEST(ImageFiles, LayersThatTheIniNames) {
    const ClosedFolder folder("/srv/imglayers");
    const std::string base = folder.make("base.img");
    folder.make("top.qcow2", "-f qcow2 -F raw -b base.img");
    VmUnderTest vm("imglayers", ini_with("File=" + (folder / "top.qcow2") + "\n"));
    expect_contains(said_at_failure(vm), "is a layer on " + base +
                                             ", which the ini does not name: name that with "
                                             "BackingFile=" +
                                             base);
    write_file(vm.ini_path(),
               ini_with("File=" + (folder / "top.qcow2") + "\nBackingFile=" + base + "\n"));
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    expect_start(vm);
    expect_contains(monitor_command("imglayers", "info block").value,
                    "Backing file:     /dev/fdset/2 (chain depth: 1)");
    EXPECT_FALSE(vm.status().says("is deprecated"));
}

// Nothing but QEMU holds a lock: not systemd's store, and not the helper's first process.
TEST(ImageFiles, OfAVmThatIsKilledHibernatedAndResumed) {
    const ClosedFolder folder("/srv/imglife");
    const std::string image = folder.make("a.img"), cd = folder.make("cd.iso");
    VmUnderTest vm("imglife", boot_sector_ini() + "[VM]\nStop=hibernate\n[Drive data]\nFile=" +
                                  image + "\n[Drive cd]\nMedia=cdrom\nFile=" + cd + "\n");
    expect_start(vm);
    char pattern = '0';
    const auto write = [&] {
        const std::string number = std::to_string(++pattern);
        monitor_command("imglife", "qemu-io data \"write -P " + number + " 0 512\"");
        EXPECT_EQ(read_file(image).substr(0, 512), std::string(512, pattern));
    };
    for (int times = 0; times < 2; ++times) {
        ASSERT_TRUE(vm.stop().ok());
        ASSERT_TRUE(fs::exists("/var/lib/qemunit/imglife/hibernated")) << vm.status();
        expect_start(vm);
        EXPECT_FALSE(fs::exists("/var/lib/qemunit/imglife/hibernated"));
        write();
    }
    ASSERT_TRUE(run_words("systemctl kill --signal=KILL qemu@imglife").ok());
    ASSERT_TRUE(wait_for_state(vm.unit(), "failed"));
    expect_start(vm);
    write();
    // The saved state of another machine is set aside by the process that has the images.
    ASSERT_TRUE(vm.stop().ok());
    write_file("/var/lib/qemunit/imglife/hibernated", std::string(100, 'x'));
    expect_start(vm);
    write();
    EXPECT_EQ(unit_property(vm.unit(), "NFileDescriptorStore"), "0");
}

TEST(ImageFiles, HoldSnapshots) {
    const ClosedFolder folder("/srv/imgsnap");
    VmUnderTest vm("imgsnap", boot_sector_ini() + "[Drive data]\nFile=" +
                                  folder.make("a.qcow2", "-f qcow2") + "\n");
    expect_start(vm);
    EXPECT_EQ(call_vm("imgsnap", "SaveSnapshot", "one").error, "");
    EXPECT_EQ(call_vm("imgsnap", "LoadSnapshot", "one").error, "");
    ASSERT_TRUE(vm.stop().ok());
    write_file(vm.ini_path(), read_file(vm.ini_path()) + "[VM]\nLoadSnapshot=one\n");
    ASSERT_TRUE(run_words("systemctl daemon-reload").ok());
    expect_start(vm);
    EXPECT_EQ(call_vm("imgsnap", "DeleteSnapshot", "one").error, "");
}

// QEMU knows the file by a number only.
TEST(ImageFiles, AnImageThatAnotherVmHas) {
    const ClosedFolder folder("/srv/imgshared");
    const std::string image = folder.make("a.img");
    fs::create_symlink(image, folder / "link.img");
    VmUnderTest one("imgone", ini_with("File=" + image + "\n"));
    VmUnderTest two("imgtwo", ini_with("File=" + (folder / "link.img") + "\n"));
    expect_start(one);
    const std::string said = said_at_failure(two);
    expect_contains(said, "Failed to get \"write\" lock");
    expect_contains(said, two.ini_path() + ":6: File=" + (folder / "link.img") +
                              ": the VM 'imgone', which runs, has the same image (File= in [Drive "
                              "root]), and writes it");
    ASSERT_TRUE(one.stop().ok());
    expect_start(two);
}

}  // namespace
}  // namespace qemunit::e2e
