// SPDX-License-Identifier: MIT
//
// The interfaces of the host that VMs bring along, tap and bridge: made whole or not at all, and
// nobody else's are touched.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/e2e/parts.h"

namespace qemunit::e2e {
namespace {

namespace fs = std::filesystem;

// An ip(8) that fails with the words, for the units of interfaces.
class BrokenIp {
  public:
    explicit BrokenIp(const std::string &words) {
        write_file(kPath, "#!/bin/sh\ncase \"$*\" in *'" + words +
                              "'*) echo broken >&2; exit 1 ;; esac\nexec /sbin/ip \"$@\"\n");
        fs::permissions(kPath, fs::perms(0755));
    }
    ~BrokenIp() { fs::remove(kPath); }

  private:
    static constexpr const char *kPath = "/usr/local/sbin/ip";
};

TEST(Interfaces, AreMadeWholeOrNotAtAll) {
    VmUnderTest vm("ifs", boot_sector_ini() + "[Network lan]\nType=bridge\nBridge=ifsbr\n");
    for (const char *words : {"add dev ifsbr", "dev ifsbr up", "dev ifsbr alias", "add dev ifs-lan",
                              "dev ifs-lan up", "dev ifs-lan alias", "dev ifs-lan master"}) {
        {
            BrokenIp broken(words);
            const JournalOfParts journal(vm);
            EXPECT_FALSE(vm.start().ok()) << words;
            journal.expect(std::string(words).find("ifs-lan") != std::string::npos
                               ? "cannot make the interface 'ifs-lan'"
                               : "there is no bridge 'ifsbr'");
            EXPECT_TRUE(wait_for_state("qemu-tap@ifs-lan.service", "failed"));
            EXPECT_FALSE(has_interface("ifs-lan")) << words;
        }
        EXPECT_TRUE(vm.start().ok()) << words << vm.status();
        EXPECT_TRUE(fs::exists("/sys/class/net/ifsbr/brif/ifs-lan")) << words;
        EXPECT_NE(read_file("/sys/class/net/ifsbr/flags"), "0x1002\n") << words;
        ASSERT_TRUE(vm.stop().ok());
        EXPECT_TRUE(wait_for_state("qemu-bridge@ifsbr.service", "inactive"));
        EXPECT_FALSE(has_interface("ifsbr")) << words;
    }
}

TEST(Interfaces, ThatCouldNotBeRemovedAreMendedByTheNextStart) {
    VmUnderTest vm("ifsleft", boot_sector_ini() + "[Network lan]\nType=bridge\nBridge=ifsbr2\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    {
        BrokenIp broken("link delete");
        ASSERT_TRUE(vm.stop().ok());
        EXPECT_TRUE(wait_for_state("qemu-bridge@ifsbr2.service", "failed"));
        ASSERT_TRUE(has_interface("ifsbr2"));
    }
    ASSERT_TRUE(run_words("ip link set dev ifsbr2 down").ok());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    EXPECT_TRUE(fs::exists("/sys/class/net/ifsbr2/brif/ifsleft-lan"));
    EXPECT_EQ(active_state_of("qemu-bridge@ifsbr2.service"), "active");
    ASSERT_TRUE(vm.stop().ok());
    EXPECT_TRUE(wait_for_state("qemu-bridge@ifsbr2.service", "inactive"));
    EXPECT_FALSE(has_interface("ifsbr2"));
}

TEST(Interfaces, OfSomebodyElseStayAsTheyAre) {
    ASSERT_TRUE(run_words("ip link add dev ifsbr3 type bridge").ok());
    {
        VmUnderTest vm("ifselse",
                       boot_sector_ini() + "[Network lan]\nType=bridge\nBridge=ifsbr3\n");
        ASSERT_TRUE(vm.start().ok()) << vm.status();
        EXPECT_EQ(active_state_of("qemu-bridge@ifsbr3.service"), "inactive");
        ASSERT_TRUE(vm.stop().ok());
        EXPECT_TRUE(wait_for_state("qemu-tap@ifselse-lan.service", "inactive"));
    }
    EXPECT_TRUE(has_interface("ifsbr3"));
    EXPECT_TRUE(run_words("ip link delete dev ifsbr3").ok());
}

}  // namespace
}  // namespace qemunit::e2e
