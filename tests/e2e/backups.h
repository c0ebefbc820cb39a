// SPDX-License-Identifier: MIT
//
// Folders with backups for the tests of `qemunitctl backup`, and what is restored from them, held
// against what the guest has.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/e2e/ctl.h"
#include "tests/e2e/guest_shell.h"

namespace qemunit::e2e {

// A folder for the backups of one test.
class BackupFolder {
  public:
    explicit BackupFolder(const std::string &name) : path_("/var/lib/backups-of-" + name) {
        std::filesystem::remove_all(path_);
    }
    ~BackupFolder() {
        std::error_code error;
        std::filesystem::remove_all(path_, error);
    }
    BackupFolder(const BackupFolder &) = delete;
    BackupFolder &operator=(const BackupFolder &) = delete;

    const std::string &path() const { return path_; }
    std::vector<std::string> names() const {
        std::vector<std::string> names;
        for (const auto &entry : std::filesystem::directory_iterator(path_))
            names.push_back(entry.path().filename());
        std::ranges::sort(names);
        return names;
    }

  private:
    std::string path_;
};

inline void prepare_disks(GuestShell &guest) {
    guest.run("modprobe -a virtio_pci virtio_blk; until [ -b /dev/vda ]; do usleep 20000; done");
}

// Each byte of the disk as the guest has it, past its cache.
inline std::string sum_in_guest(GuestShell &guest, const std::string &disk) {
    const std::string sum = guest.run("sync; echo 3 >/proc/sys/vm/drop_caches; sha256sum <" + disk);
    return sum.substr(0, 64);
}

// The newest backup of one disk.
inline std::string restored_sum(const BackupFolder &folder, const std::string &disk,
                                const std::string &options = "") {
    const std::string image = folder.path() + "-restored", raw = image + ".raw";
    const Finished restored =
        ctl("restore --disk=" + disk + options + " " + folder.path() + " " + image);
    EXPECT_TRUE(restored.ok()) << restored;
    EXPECT_TRUE(run({"qemu-img", "convert", "-O", "raw", image, raw}).ok());
    const std::string sum = run({"sha256sum", raw}).output.substr(0, 64);
    std::filesystem::remove(image);
    std::filesystem::remove(raw);
    return sum;
}

inline void expect_good(const BackupFolder &folder) {
    const Finished verified = ctl("verify " + folder.path());
    EXPECT_TRUE(verified.ok()) << verified;
}

}  // namespace qemunit::e2e
