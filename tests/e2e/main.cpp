// SPDX-License-Identifier: MIT
//
// The end-to-end tests' main(): makes sure that this is a throwaway system, and puts the
// guests where QEMU may read them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>

#include "tests/e2e/vm_under_test.h"

namespace {

namespace fs = std::filesystem;

// QEMU's user cannot read a build folder in somebody's home.
bool copy_guests(const char *variable, std::initializer_list<const char *> files) {
    const char *folder = getenv(variable);
    if (!folder) {
        std::cerr << variable << " is not set: run tools/test\n";
        return false;
    }
    for (const char *file : files) {
        const fs::path copy = fs::path(qemunit::e2e::kGuestDir) / file;
        std::error_code error;
        // After a reboot, VMs may be reading it already.
        fs::copy_file(fs::path(folder) / file, copy, fs::copy_options::skip_existing, error);
        if (error) {
            // The tests that need it fail, and say so.
            std::cerr << "guest " << file << ": " << error.message() << "\n";
            continue;
        }
        fs::permissions(copy, fs::perms(0644));
    }
    return true;
}

// The share of the tests is for this program: GoogleTest knows it by now, and test programs that a
// test runs shall not.
class KeepsItsShare : public testing::Environment {
    void SetUp() override {
        unsetenv("GTEST_TOTAL_SHARDS");
        unsetenv("GTEST_SHARD_INDEX");
    }
};

}  // namespace

int main(int argc, char **argv) {
    testing::InitGoogleTest(&argc, argv);
    if (testing::GTEST_FLAG(list_tests))
        return RUN_ALL_TESTS();
    if (!fs::exists("/run/throwaway")) {
        std::cerr << "These tests change the system they run on: run tools/test --e2e\n";
        return 2;
    }
    // Two boots for one test: a run of its own, which tools/test makes.
    auto &filter = testing::GTEST_FLAG(filter);
    if (!filter.starts_with("Reboot."))
        filter += (filter.find('-') == std::string::npos ? "-" : ":") + std::string("Reboot.*");
    fs::create_directories(qemunit::e2e::kGuestDir);
    if (!copy_guests("QEMUNIT_GUESTS",
                     {"console.img", "burst.img", "counter.img", "fill.img", "flood.img",
                      "lastline.img", "keys.img", "console-aarch64.bin"}) ||
        !copy_guests("QEMUNIT_LINUX_GUEST", {"vmlinuz", "initrd", "initrd-agent", "initrd-ssh",
                                             "vmlinuz-9p", "initrd-9p", "shim.efi"}))
        return 2;
    testing::AddGlobalTestEnvironment(new KeepsItsShare);  // GoogleTest deletes it
    return RUN_ALL_TESTS();
}
