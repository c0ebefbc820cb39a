// SPDX-License-Identifier: MIT
//
// On a file system that has neither files without a name nor names that are only taken if they are
// free (RENAME_NOREPLACE), as NFS. Limits.*, since the emulated machine has one, 9p.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>

#include "tests/e2e/ctl.h"
#include "tests/e2e/vm_under_test.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

bool takes_only_free_names(const std::string &folder) {
    const std::string file = folder + "/.abilities";
    write_file(file, "");
    const bool takes =
        renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, (file + ".new").c_str(), RENAME_NOREPLACE) == 0;
    fs::remove(file);
    fs::remove(file + ".new");
    return takes;
}

TEST(Limits, AFileSystemOfFewAbilitiesKeepsVms) {
    if (takes_only_free_names("/var/lib"))
        GTEST_SKIP() << "this machine's file system can do more";
    const VmUnderTest vm("fewable", boot_sector_ini() + "[Drive data]\nFile=data.qcow2\nSize=1M\n");
    ASSERT_TRUE(run_words("systemctl start qemu-image@fewable.service").ok());
    for (const char *words :
         {"clone fewable fewable2", "rename fewable2 fewable3", "clone fewable fewable2"}) {
        const Finished done = ctl(words);
        EXPECT_TRUE(done.ok()) << words << "\n" << done;
    }
    EXPECT_FALSE(ctl("rename fewable2 fewable3").ok());
    for (const std::string made : {"fewable2", "fewable3"}) {
        EXPECT_TRUE(fs::exists("/var/lib/qemunit/" + made + "/data.qcow2")) << made;
        const Finished removed = ctl("remove --with-disks --yes " + made);
        EXPECT_TRUE(removed.ok()) << removed;
    }
}

}  // namespace
}  // namespace qemunit::e2e
