// SPDX-License-Identifier: MIT
#include "bus/vms/configured_vms.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace qemunit::bus {
namespace {

namespace fs = std::filesystem;

class ConfiguredVmsTest : public ::testing::Test {
  protected:
    ConfiguredVmsTest() {
        std::string pattern = ::testing::TempDir() + "configured-vms-XXXXXX";
        dir = mkdtemp(pattern.data());
    }
    ~ConfiguredVmsTest() override { fs::remove_all(dir); }

    void write(const fs::path &path, std::string_view text) const {
        fs::create_directories((dir / path).parent_path());
        std::ofstream(dir / path) << text;
    }

    fs::path dir;
};

TEST_F(ConfiguredVmsTest, FindsWhatTheGeneratorWrote) {
    write("qemu@vm1.service.d/50-qemunit.conf",
          "# by qemunit-generator\n[Unit]\nDescription=VM one\nSourcePath=/etc/qemunit/vm1.ini\n"
          "[Service]\nExecStart=\n");
    write("qemu@a-b_c.2.service.d/50-qemunit.conf", "[Unit]\n");
    EXPECT_EQ(configured_vms(dir.native()),
              (ConfiguredVms{{"a-b_c.2", {}}, {"vm1", {"/etc/qemunit/vm1.ini", {}}}}));
}

TEST_F(ConfiguredVmsTest, KnowsOfThoseWithErrors) {
    write("qemunit.broken/vm1",
          "/etc/qemunit/vm1.ini\n/etc/qemunit/vm1.ini:2: CPUs=many: no.\n/x.conf:1: Bad.\n");
    write("qemunit.broken/.hidden", "/x\n");
    EXPECT_EQ(configured_vms(dir.native()),
              (ConfiguredVms{{"vm1",
                              {"/etc/qemunit/vm1.ini",
                               {"/etc/qemunit/vm1.ini:2: CPUs=many: no.", "/x.conf:1: Bad."}}}}));
}

TEST_F(ConfiguredVmsTest, PassesOverEverythingElse) {
    write("qemu@other.service.d/99-local.conf", "[Unit]\nSourcePath=/x\n");
    write("qemu@.service.d/50-qemunit.conf", "");
    write("qemu@a\\x2db.service.d/50-qemunit.conf", "");
    write("qemu@.hidden.service.d/50-qemunit.conf", "");
    write("qemu-monitor@vm1.socket.d/50-qemunit.conf", "");
    write("getty@vm1.service.d/50-qemunit.conf", "");
    write("qemu@file.service.d", "not a directory");
    write("qemu@vm2.service", "[Service]\n");
    fs::create_directories(dir / "machines.target.wants");
    EXPECT_EQ(configured_vms(dir.native()), ConfiguredVms{});
}

TEST_F(ConfiguredVmsTest, SpecifiersAreUnescaped) {
    write("qemu@vm1.service.d/50-qemunit.conf", "[Unit]\nSourcePath=/home/a%%b/%%%%/vm1.ini\n");
    EXPECT_EQ(configured_vms(dir.native()), (ConfiguredVms{{"vm1", {"/home/a%b/%%/vm1.ini", {}}}}));
}

TEST_F(ConfiguredVmsTest, TheKeyboardIsWhatQemuIsTold) {
    write("qemu@vm1.service.d/50-qemunit.conf",
          "ExecStart=/usr/bin/x \\\n    -append \"    -k fr\" \\\n    -k de \\\n    -device VGA\n");
    write("qemu@vm2.service.d/50-qemunit.conf", "ExecStart=/usr/bin/x \\\n    -name a\n");
    EXPECT_EQ(configured_keyboard(dir.native(), "vm1"), "de");
    EXPECT_EQ(configured_keyboard(dir.native(), "vm2"), "");
    EXPECT_EQ(configured_keyboard(dir.native(), "vm3"), "");
}

TEST_F(ConfiguredVmsTest, NoDirectoryNoVms) {
    EXPECT_EQ(configured_vms((dir / "gone").native()), ConfiguredVms{});
}

}  // namespace
}  // namespace qemunit::bus
