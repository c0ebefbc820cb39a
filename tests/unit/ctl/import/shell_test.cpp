// SPDX-License-Identifier: MIT
#include "ctl/import/shell.h"

#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace qemunit::ctl {
namespace {

std::string shell_words(std::string_view script, unsigned line = 0) {
    const auto words = choose_command(qemu_commands(script, "/home/u"), line);
    return words ? fmt::format("{}", fmt::join(*words, "|")) : words.error().message;
}

TEST(ShellTest, ReadsCommentsQuotesAndContinuedLines) {
    EXPECT_EQ(shell_words("#!/bin/sh\n"
                          "# qemu-system-arm is not it\n"
                          "set -e\n"
                          "exec qemu-system-x86_64 \\\n"
                          "  -m 2G -append \"root=/dev/vda  quiet\" -name 'a $b' \\\n"
                          "  -drive file=~/a.img,if=virtio # the disk\n"
                          "echo done\n"),
              "exec|qemu-system-x86_64|-m|2G|-append|root=/dev/vda  quiet|-name|a $b|-drive|"
              "file=/home/u/a.img,if=virtio");
    EXPECT_EQ(shell_words("qemu-system-x86_64 -hda ~/a.img -m 1G 2>&1 </dev/null >log & sleep 1"),
              "qemu-system-x86_64|-hda|/home/u/a.img|-m|1G");
    EXPECT_EQ(shell_words("if true; then qemu-system-x86_64 -m 1G; fi"),
              "qemu-system-x86_64|-m|1G");
    EXPECT_EQ(shell_words("x=1; (qemu-system-x86_64 -m 1G) | tee log"), "qemu-system-x86_64|-m|1G");
    EXPECT_EQ(shell_words("qemu-system-x86_64 -m 1G \\\r\n  -snapshot\r\n"),
              "qemu-system-x86_64|-m|1G|-snapshot");
}

TEST(ShellTest, RefusesWhatOnlyAShellKnows) {
    EXPECT_EQ(
        shell_words("MEM=2G\nqemu-system-x86_64 \\\n -m $MEM\n"),
        "line 3: only a shell knows what $MEM is; start the VM as always, and say: qemunitctl "
        "import --pid=PID");
    EXPECT_EQ(shell_words("qemu-system-x86_64 -kernel $(ls a)"),
              "line 1: only a shell knows what $(ls a) is; start the VM as always, and say: "
              "qemunitctl import --pid=PID");
    EXPECT_EQ(shell_words("\"${QEMU:-qemu-system-x86_64}\" -m 1G"),
              "line 1: only a shell knows what ${QEMU:-qemu-system-x86_64} is; start the VM as "
              "always, and say: qemunitctl import --pid=PID");
    EXPECT_EQ(shell_words("qemu-system-x86_64 -name 'a"), "line 1: the quote ' is not closed");
    // Elsewhere in the script, that is no matter.
    EXPECT_EQ(shell_words("cd $(dirname $0)\nwhich qemu-system-arm\nqemu-system-x86_64 -m 1G\n"),
              "qemu-system-x86_64|-m|1G");
}

TEST(ShellTest, LetsSomebodyChooseOneOfSeveral) {
    const std::string_view script = "qemu-system-x86_64 -m 1G\n\nqemu-system-arm -m 2G\n";
    EXPECT_EQ(shell_words(script),
              "2 VMs are started there, at the lines 1, 3: choose one with --line=");
    EXPECT_EQ(shell_words(script, 3), "qemu-system-arm|-m|2G");
    EXPECT_EQ(shell_words(script, 2), "--line=2: no VM begins there; one does at line 1, 3");
}

TEST(ShellTest, ComesToAnEndWithEachBeginOfAScript) {
    const std::string_view script =
        "A=1 qemu-system-x86_64 '\"'$x `y` ${z} \\\n <(a) \"b\\\"$(c '{')\" ~ #\n";
    for (std::size_t length = 0; length <= script.size(); ++length)
        for (std::size_t begin = 0; begin <= length; ++begin)
            qemu_commands(script.substr(begin, length - begin), "/");
}

}  // namespace
}  // namespace qemunit::ctl
