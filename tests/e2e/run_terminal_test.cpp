// SPDX-License-Identifier: MIT
//
// `qemunitctl run --terminal`: a person at a program in the guest.
#include <gtest/gtest.h>

#include <csignal>

#include "tests/e2e/ctl.h"
#include "tests/e2e/expect_contains.h"
#include "tests/e2e/runs.h"
#include "tests/e2e/terminal.h"

namespace qemunit::e2e {
namespace {

std::vector<std::string> in_terminal(const std::string &script) {
    return {"sh", "-c",
            "stty rows 33 columns 101; exec qemunitctl run " + kernel_words() + " -t -- sh -c '" +
                script + "'"};
}

TEST(RunTerminal, IsOneInTheGuest) {
    Terminal terminal(in_terminal(
        "tty; stty size; trap \"echo caught\" INT; trap \"stty size; kill \\$!\" WINCH; "
        "sleep 1000 & echo ready; while kill -0 $! 2>/dev/null; do wait $!; done; cat; exit 9"));
    const auto begin = terminal.read_until("ready", Deadline(kRunPatience));
    ASSERT_TRUE(begin) << begin.error().message;
    expect_contains(*begin, "/dev/pts/0\r\n33 101\r\n");
    EXPECT_TRUE(terminal.wait_until_cooked(false));
    // As often as one likes.
    for (int i = 0; i < 3; ++i) {
        terminal.type("\x03");
        ASSERT_SEEN(terminal, "caught");
    }
    EXPECT_TRUE(run({"stty", "-F", "/proc/" + std::to_string(terminal.pid()) + "/fd/0", "rows",
                     "40", "columns", "90"})
                    .ok());
    ASSERT_SEEN(terminal, "40 90");
    terminal.type("typed\n");
    // Its echo, and cat's; what the shell has to say of the rest may come between.
    ASSERT_SEEN(terminal, "typed\r\n");
    ASSERT_SEEN(terminal, "typed\r\n");
    terminal.type("\x04");
    EXPECT_EQ(terminal.wait(), 9) << terminal.rest();
    EXPECT_TRUE(terminal.is_cooked());
}

TEST(RunTerminal, IsLeftLikeAConsole) {
    Terminal terminal(in_terminal("echo ready; while :; do sleep 1000; done"));
    const auto begin = terminal.read_until("ready", Deadline(kRunPatience));
    ASSERT_TRUE(begin) << begin.error().message;
    EXPECT_TRUE(terminal.wait_until_cooked(false));
    terminal.type("\x1d\x1d\x1d");
    EXPECT_EQ(terminal.wait(), 128 + SIGINT) << terminal.rest();
    EXPECT_TRUE(terminal.is_cooked());
    expect_no_unit();
}

TEST(RunTerminal, NeedsOneHere) {
    const RunFolder folder;
    const Finished done = folder.run("-t -- true </dev/null");
    EXPECT_EQ(done.status, 125) << done;
    expect_contains(done.output, "--terminal is for a standard input and output that are one");
}

}  // namespace
}  // namespace qemunit::e2e
