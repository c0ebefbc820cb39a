// SPDX-License-Identifier: MIT
#include "ctl/verbs/command_line.h"

#include <gtest/gtest.h>

#include "tests/unit/program.h"

namespace qemunit::ctl {
namespace {

using Words = std::vector<std::string>;

TEST(CommandLineTest, TheHelpersSocketsBecomeChardevs) {
    EXPECT_EQ(
        command_by_hand({"/usr/lib/qemunit/qemunit-helper", "--vm=vm1", "--serial=serial,nolog",
                         "--check-kvm", "--serial=debug", "--channel=events", "--agent",
                         "--stop=quit", "/usr/bin/qemu", "-serial", "chardev:serial"}),
        (Words{"/usr/bin/qemu", "-chardev", "stdio,id=serial,mux=on,signal=off", "-chardev",
               "null,id=debug", "-chardev", "null,id=events", "-chardev", "null,id=agent",
               "-serial", "chardev:serial"}));
}

TEST(CommandLineTest, WhatIsNotOursIsNone) {
    EXPECT_EQ(command_by_hand({}), Words{});
    EXPECT_EQ(command_by_hand({"/generators/qemunit-generator", "--explain", "x"}), Words{});
    EXPECT_EQ(command_by_hand({"/usr/lib/qemunit/qemunit-helper", "--vm=vm1"}), Words{});
}

TEST(CommandLineTest, OneOptionALine) {
    EXPECT_EQ(shell_text({"/usr/bin/qemu", "-m", "1G", "-append", "a b", "-S"}),
              "/usr/bin/qemu \\\n    -m 1G \\\n    -append 'a b' \\\n    -S");
}

TEST(CommandLineTest, QuotesOnlyWhereAShellNeedsThem) {
    EXPECT_EQ(quote_for_shell("user,id=lan,hostfwd=tcp::1-:2"), "user,id=lan,hostfwd=tcp::1-:2");
    EXPECT_EQ(quote_for_shell(""), "''");
    EXPECT_EQ(quote_for_shell("it's"), "'it'\\''s'");
    EXPECT_EQ(quote_for_shell("$HOME"), "'$HOME'");
    EXPECT_EQ(quote_for_shell("~"), "'~'");
}

TEST(CommandLineTest, AShellReadsBackWhatWentIn) {
    const Words words{
        "a b", "it's \"two\"", "$HOME `id` \\", "tab\tnew\nline",           "*?[x]{a,b}~!#&|;<>()",
        "",    "-x",           "ä€😀",           std::string("\x01\x7f\xff")};
    const auto result =
        testing::run_program({"/bin/sh", "-c", "printf '%s|' " + shell_text(words)});
    std::string expected;
    for (const std::string &word : words)
        expected += word + "|";
    EXPECT_EQ(result.output, expected);
    EXPECT_EQ(result.errors, "");
}

}  // namespace
}  // namespace qemunit::ctl
