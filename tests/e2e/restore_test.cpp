// SPDX-License-Identifier: MIT
//
// `qemunitctl restore` and `verify` by root, from a folder whose files somebody else can change
// any time: what is used is what was held against the sums, and nothing else is read.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

#include "common/unique_fd.h"
#include "tests/e2e/backups.h"
#include "tests/e2e/expect_contains.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

constexpr char kSecret[] = "root:not-for-you";

// Does something once, as soon as somebody has read a file and closed it.
class OnceRead {
  public:
    OnceRead(const std::string &path, std::function<void()> act)
        : watch_(inotify_init1(IN_CLOEXEC)) {
        EXPECT_GE(inotify_add_watch(watch_.get(), path.c_str(), IN_CLOSE_NOWRITE), 0);
        EXPECT_EQ(pipe2(end_.data(), O_CLOEXEC), 0);
        thread_ = std::thread([this, act = std::move(act)] {
            pollfd sources[] = {{watch_.get(), POLLIN, 0}, {end_[0], POLLIN, 0}};
            if (poll(sources, 2, -1) > 0 && sources[0].revents != 0)
                act();
        });
    }
    ~OnceRead() {
        close(end_[1]);
        thread_.join();
        close(end_[0]);
    }
    OnceRead(const OnceRead &) = delete;
    OnceRead &operator=(const OnceRead &) = delete;

  private:
    const UniqueFd watch_;
    std::array<int, 2> end_{};
    std::thread thread_;
};

class Restore : public testing::Test {
  protected:
    Restore()
        : vm_("rstrust", silent_linux_ini() +
                             "[Drive root]\nFile=root.qcow2\nSize=16M\n"
                             "[Drive data]\nFile=data.img\nFormat=raw\nSize=16M\n"),
          folder_("rstrust") {
        EXPECT_TRUE(ctl_of_vm("start").ok());
        EXPECT_TRUE(ctl_of_vm("stop").ok());
        for (const char *name : {"root.qcow2", "data.img"}) {
            const std::string image = std::string("/var/lib/qemunit/rstrust/") + name;
            EXPECT_TRUE(
                run({"qemu-io", "-f", fs::path(name).extension() == ".img" ? "raw" : "qcow2", "-c",
                     "write -P 7 0 8M", image})
                    .ok());
        }
        const Finished made = ctl("backup rstrust " + folder_.path());
        EXPECT_TRUE(made.ok()) << made;
        backup_ = folder_.path() + "/" + folder_.names().at(0);
    }
    ~Restore() override { run_words("rm -rf " + image_ + " " + image_ + ".raw"); }

    Finished ctl_of_vm(const std::string &verb) {
        return run_words("systemctl " + verb + " qemu@rstrust");
    }

    VmUnderTest vm_;
    const BackupFolder folder_;
    std::string backup_;
    const std::string image_ = "/var/lib/rstrust-image";
};

void expect_nothing_restored(const Finished &restored, const std::string &why) {
    EXPECT_EQ(restored.status, 1) << restored;
    expect_contains(restored.output, why);
    EXPECT_EQ(restored.output.find(kSecret), std::string::npos) << restored;
    EXPECT_FALSE(fs::exists("/etc/qemunit/rsother.ini"));
    EXPECT_FALSE(fs::exists("/var/lib/qemunit/rsother"));
}

TEST_F(Restore, ReadsNoTextThatIsNotTheBackups) {
    const std::string ini = backup_ + "/vm.ini", restore = "restore " + folder_.path() + " rsother";
    const std::string text = read_file(ini), elsewhere = "/var/lib/rstrust-secret";
    std::ofstream(elsewhere) << kSecret << "\n";

    fs::remove(ini);
    fs::create_symlink(elsewhere, ini);
    expect_nothing_restored(ctl(restore), "vm.ini cannot be opened");

    fs::remove(ini);
    ASSERT_EQ(mkfifo(ini.c_str(), 0600), 0);
    expect_nothing_restored(run_words("timeout 60 qemunitctl " + restore), "it is no file");

    fs::remove(ini);
    std::ofstream(ini) << kSecret << "\n";
    expect_nothing_restored(ctl(restore), "vm.ini is not what was written");

    fs::remove(ini);
    std::ofstream(ini) << text;
    ASSERT_EQ(truncate(ini.c_str(), off_t{1} << 40), 0);
    expect_nothing_restored(run_words("timeout 60 qemunitctl " + restore), "vm.ini is too large");
    fs::remove(elsewhere);
}

TEST_F(Restore, UsesWhatItHasVerified) {
    for (const std::string disk : {"root", "data"}) {
        const std::string file = backup_ + "/" + disk + ".qcow2", good = file + ".good";
        fs::copy_file(file, good);
        {
            // Each image is read once, so that what follows comes too late.
            const OnceRead watch(file, [&] {
                const UniqueFd changed(open(file.c_str(), O_WRONLY | O_CLOEXEC));
                const std::string other(1 << 16, 'x');
                for (off_t at = 1 << 18; at < (8 << 20); at += 1 << 16)
                    EXPECT_EQ(pwrite(changed.get(), other.data(), other.size(), at),
                              static_cast<ssize_t>(other.size()));
            });
            const Finished restored =
                ctl("restore --disk=" + disk + " " + folder_.path() + " " + image_);
            EXPECT_TRUE(restored.ok()) << restored;
        }
        const Finished same =
            run({"qemu-img", "compare", "-F", disk == "root" ? "qcow2" : "raw", good, image_});
        EXPECT_TRUE(same.ok()) << same;
        fs::remove(image_);
        EXPECT_EQ(ctl("restore --disk=" + disk + " " + folder_.path() + " " + image_).status, 1);
        EXPECT_FALSE(fs::exists(image_));
        fs::rename(good, file);
    }
}

}  // namespace
}  // namespace qemunit::e2e
