// SPDX-License-Identifier: MIT
#include "helper/start/saved_machine.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/qemu_options/machine_version.h"
#include "common/unique_fd.h"
#include "helper/handover/saved_state.h"

namespace qemunit::helper {
namespace {

UniqueFd state_with(std::string_view bytes, off_t begin = kStateHeaderSize) {
    UniqueFd file(memfd_create("state", MFD_CLOEXEC));
    EXPECT_EQ(pwrite(file.get(), bytes.data(), bytes.size(), begin),
              static_cast<ssize_t>(bytes.size()));
    return file;
}

std::string state_of(std::string_view machine) {
    return std::string("QEVM\0\0\0\3\7\0\0\0", 12) + static_cast<char>(machine.size()) +
           std::string(machine) + "more";
}

TEST(SavedMachineTest, IsWhatQemuHasWritten) {
    EXPECT_EQ(machine_of_state(state_with(state_of("pc-q35-7.2")).get()), "pc-q35-7.2");
    EXPECT_EQ(machine_of_state(state_with(state_of("pc-q35-7.2"), 0).get()), "pc-q35-7.2");
    for (const std::string &text :
         {std::string(), std::string("QEVM"), std::string("QEVM\0\0\0\3\7\xff\xff\xff\xff", 13),
          std::string("QEVM\0\0\0\3\7\0\0\0\x20q35", 16), std::string("QEVM\0\0\0\3\1", 9)})
        EXPECT_EQ(machine_of_state(state_with(text).get()), "");
}

TEST(SavedMachineTest, IsUsedIfTheIniMeansIt) {
    const UniqueFd state = state_with(state_of("pc-q35-7.2"));
    const auto used = [&](const std::string &machine) {
        std::vector<std::string> command{"/usr/bin/qemu", "-machine", machine, "-m", "1G"};
        const std::string before = command[2];
        const bool is_used = use_machine_of_state(state.get(), command);
        EXPECT_EQ(is_used, command[2] != before);
        return command[2];
    };
    EXPECT_EQ(used("q35,usb=off"), "pc-q35-7.2,usb=off");
    EXPECT_EQ(used("q35"), "pc-q35-7.2");
    EXPECT_EQ(used("pc,usb=off"), "pc,usb=off");
    EXPECT_EQ(used("pc-q35-9.0"), "pc-q35-9.0");
    EXPECT_TRUE(is_version_of("virt-10.0", "virt"));
    EXPECT_TRUE(is_version_of("pc-i440fx-7.2", "pc"));
    EXPECT_FALSE(is_version_of("q35", "q35"));
    EXPECT_FALSE(is_version_of("pc-q35-,accel=x", "q35"));
    EXPECT_FALSE(is_version_of("", ""));
}

}  // namespace
}  // namespace qemunit::helper
