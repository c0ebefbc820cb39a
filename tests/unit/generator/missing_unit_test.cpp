// SPDX-License-Identifier: MIT
//
// What `systemctl status` shows of a VM that has no unit.
#include "generator/missing_unit.h"

#include <gtest/gtest.h>

#include "tests/unit/generator/from_ini.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

using testing::Texts;

class ExplainTest : public ::testing::Test {
  protected:
    Texts explain(const std::string &name) {
        Texts said =
            testing::texts(missing_unit_reasons(name, root.path(), paths, Architecture::x86_64));
        for (std::string &text : said)
            for (std::size_t at; (at = text.find(root.path())) != text.npos;)
                text.erase(at, root.path().size());
        return said;
    }

    testing::TemporaryFolder root;
    Paths paths;
};

TEST_F(ExplainTest, ANameThatIsNone) {
    EXPECT_EQ(
        explain("my vm"),
        Texts{"error: 'my vm' is no name for a VM: letters, digits, '_', '.' and '-', a letter "
              "or digit first, at most 64 in all."});
    EXPECT_EQ(explain("a\x1b" + std::string(100, 'b')),
              Texts{"error: 'a?" + std::string(58, 'b') +
                    "…' is no name for a VM: letters, digits, '_', '.' and '-', a letter or digit "
                    "first, at most 64 in all."});
}

TEST_F(ExplainTest, AVmThatIsNotConfigured) {
    EXPECT_EQ(explain("typo"),
              Texts{"error: no VM 'typo' is configured: looked for typo.ini in /etc/qemunit, "
                    "/run/qemunit, /usr/local/lib/qemunit, /usr/lib/qemunit"});
}

TEST_F(ExplainTest, ATypo) {
    root.write("etc/qemunit/tupo.ini", "[VM]\n");
    root.write("usr/lib/qemunit/web.ini", "[VM]\n");
    EXPECT_EQ(
        explain("typo"),
        Texts{"error: no VM 'typo' is configured: looked for typo.ini in /etc/qemunit, "
              "/run/qemunit, /usr/local/lib/qemunit, /usr/lib/qemunit; did you mean 'tupo'?"});
}

TEST_F(ExplainTest, AVmOfAUser) {
    paths = testing::paths_of_joe();
    EXPECT_EQ(explain("typo"),
              Texts{"error: no VM 'typo' is configured: looked for typo.ini in "
                    "/home/joe/.config/qemunit, /run/user/1000/qemunit, /etc/qemunit/user, "
                    "/usr/lib/qemunit/user"});
    root.write("home/joe/.config/qemunit/vm1.ini", "[VM]\n");
    EXPECT_EQ(explain("vm1"),
              Texts{"error: VM 'vm1' is configured in /home/joe/.config/qemunit/vm1.ini, but "
                    "systemd has not read that yet: run 'systemctl --user daemon-reload', then "
                    "start it again."});
    root.write("home/joe/.config/qemunit/vm1.ini", "[VM]\nUser=ann\n");
    EXPECT_EQ(explain("vm1"),
              Texts{"error: /home/joe/.config/qemunit/vm1.ini:2: User=ann needs the system "
                    "manager: QEMU runs as the user whose VM it is."});
}

TEST_F(ExplainTest, AFileWithABadNameIsNobodysConcern) {
    root.write("etc/qemunit/a b.ini", "[VM]\n");
    EXPECT_EQ(explain("ab").size(), 1u);
}

TEST_F(ExplainTest, AMaskedVm) {
    root.write("usr/lib/qemunit/vm1.ini", "[VM]\n");
    root.link("etc/qemunit/vm1.ini", "/dev/null");
    EXPECT_EQ(
        explain("vm1"),
        Texts{"error: VM 'vm1' is masked by /etc/qemunit/vm1.ini, which is empty or a link to "
              "/dev/null."});
}

TEST_F(ExplainTest, ABrokenIniWithEveryErrorAndNoWarning) {
    root.write("etc/qemunit/vm1.ini", "[VM]\nMemory=1\nNonsense=1\nCPUs=x\n");
    root.write("run/qemunit/vm.d/10.conf", "[Boot]\nAppend=a\n");
    EXPECT_EQ(explain("vm1"),
              (Texts{"error: /etc/qemunit/vm1.ini:2: Memory=1: less than a machine can start with "
                     "(1M); did you forget the unit, as in 1M?",
                     "error: /etc/qemunit/vm1.ini:4: CPUs=x: not a number of CPUs from 1 to 1024.",
                     "error: /run/qemunit/vm.d/10.conf:2: Append= needs Kernel=: only QEMU's own "
                     "loader hands it over."}));
}

TEST_F(ExplainTest, AnotherVmsErrorsDoNotMatter) {
    root.write("etc/qemunit/broken.ini", "x\n");
    root.write("etc/qemunit/vm1.ini", "[VM]\n");
    EXPECT_EQ(explain("vm1").size(), 1u);
}

TEST_F(ExplainTest, AnIniThatSystemdHasNotRead) {
    root.write("etc/qemunit/vm1.ini", "[VM]\nNonsense=1\n");
    EXPECT_EQ(
        explain("vm1"),
        Texts{"error: VM 'vm1' is configured in /etc/qemunit/vm1.ini, but systemd has not read "
              "that yet: run 'systemctl daemon-reload', then start it again."});
}

}  // namespace
}  // namespace qemunit::generator
