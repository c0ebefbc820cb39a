// SPDX-License-Identifier: MIT
//
// What a shell completes: verbs, options and VMs of qemunitctl, and VMs for systemctl.
#include <gtest/gtest.h>

#include "tests/e2e/ctl.h"

namespace qemunit::e2e {
namespace {

TEST(CtlCompletion, BashCompletesVerbsOptionsAndNames) {
    VmUnderTest vm("ctcomp", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const auto completed = [](const std::string &words) {
        return trimmed(run({"bash", "-c",
                            ". /usr/share/bash-completion/completions/qemunitctl; "
                            "COMP_WORDS=(qemunitctl " +
                                words +
                                "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _qemunitctl; "
                                "echo \"${COMPREPLY[*]}\""})
                           .output);
    };
    EXPECT_EQ(completed("con"), "console");
    EXPECT_EQ(completed("snapshot l"), "list load");
    EXPECT_EQ(completed("console ctc"), "ctcomp");
    EXPECT_EQ(completed("console ctcomp ''"), "serial");
    EXPECT_EQ(completed("snapshot save ctc"), "ctcomp");
    EXPECT_EQ(completed("list --na"), "--names");
}

// systemd's own completion knows no VM that is off. Each shell has read what is installed for it.
void expect_completion(Terminal &shell) {
    constexpr const char *kNextLine = "\x15\r";
    shell.type("systemctl start qemu@ctasl\t");
    ASSERT_SEEN(shell, "qemu@ctasleep.service");
    shell.type(kNextLine);
    shell.type("systemctl enable qemu-serial@ctasl\t");
    ASSERT_SEEN(shell, "qemu-serial@ctasleep.socket");
    shell.type(kNextLine);
    // One that runs, systemd's own completion knows.
    shell.type("systemctl stop qemu@ctaw\t");
    ASSERT_SEEN(shell, "qemu@ctawake.service");
}

class CompletionOfSystemctl : public testing::Test {
  protected:
    void SetUp() override {
        make_known(asleep);
        ASSERT_TRUE(awake.start().ok()) << awake.status();
    }

    VmUnderTest asleep{"ctasleep", boot_sector_ini()}, awake{"ctawake", boot_sector_ini()};
};

// Without systemd's part: what is added to it.
TEST_F(CompletionOfSystemctl, OffersWhatIsOfUse) {
    const auto offered = [](const std::string &words) {
        return trimmed(run({"bash", "-c",
                            ". /etc/bash_completion.d/qemunit; COMP_WORDS=(systemctl " + words +
                                "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _qemunit_systemctl; "
                                "echo \"${COMPREPLY[*]}\""})
                           .output);
    };
    EXPECT_EQ(offered("start qemu@cta"), "qemu@ctasleep.service");
    EXPECT_EQ(offered("status qemu@cta"), "qemu@ctasleep.service qemu@ctawake.service");
    EXPECT_EQ(offered("enable --now qemu-serial@ctas"), "qemu-serial@ctasleep.socket");
    for (const char *words : {"stop qemu@cta", "-M other start qemu@cta", "--user start qemu@cta",
                              "start qemu-tpm@cta", "qemu@cta"})
        EXPECT_EQ(offered(words), "") << words;
}

TEST_F(CompletionOfSystemctl, InBash) {
    Terminal shell({"bash", "--norc", "-i"});
    shell.type(". /usr/share/bash-completion/bash_completion; echo loa''ded\r");
    ASSERT_SEEN(shell, "loaded");
    expect_completion(shell);
}

TEST_F(CompletionOfSystemctl, InZsh) {
    Terminal shell({"zsh", "-f", "-i"});
    shell.type("autoload -Uz compinit; compinit -u -D; echo loa''ded\r");
    ASSERT_SEEN(shell, "loaded");
    expect_completion(shell);
}

}  // namespace
}  // namespace qemunit::e2e
