// SPDX-License-Identifier: MIT
//
// `qemunitctl expect`: a script waits for what a guest says, and answers.
#include <gtest/gtest.h>

#include "tests/e2e/ctl.h"
#include "tests/e2e/guest_shell.h"
#include "tests/e2e/terminal.h"
#include "tests/e2e/unit_watch.h"

namespace qemunit::e2e {
namespace {

constexpr int kNoLineInTime = 124;

Finished expect(std::vector<std::string> words) {
    words.insert(words.begin(), {"qemunitctl", "expect"});
    return run(words);
}

TEST(Expect, WhatIsOnTheConsoleAlreadyCountsUnlessItIsToBeNew) {
    VmUnderTest vm("exold", boot_sector_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    Finished done = expect({"exold", "guest (ready|up)$"});
    EXPECT_EQ(done.status, 0) << done;
    EXPECT_EQ(done.output, "qemunit guest ready\n");
    done = expect({"exold", "guest ready"});
    EXPECT_EQ(done.status, 0) << done;

    done = expect({"exold", "--new", "--timeout=1s", "guest ready"});
    EXPECT_EQ(done.status, kNoLineInTime) << done;
    EXPECT_TRUE(
        done.says("qemunitctl: exold: no line of serial matched 'guest ready' within 1s; "
                  "the last lines were:\n| qemunit guest ready\n"))
        << done;
    // The guest echoes what is typed: here, nothing else is an answer.
    done = expect({"exold", "--send", "a line\\r", "guest ready|line"});
    EXPECT_EQ(done.status, 0) << done;
    EXPECT_EQ(done.output.find("guest ready"), std::string::npos) << done;
    EXPECT_TRUE(done.says("line")) << done;
}

// A shell takes ^C for a character until it has run the line: the terminal is its editor's.
TEST(Expect, AScriptTalksWithAShell) {
    VmUnderTest vm("exsh", silent_linux_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    const std::string script = R"(set -e
        qemunitctl expect exsh 'guest# $'
        qemunitctl expect exsh --send 'echo exit sta""tus $((1 + 11))\n' 'exit status: 1$|exit status 12$'
        qemunitctl expect exsh --send 'echo ru""ns; cat\n' --new '^runs$'
        qemunitctl expect exsh --send '\x03' 'guest# $'
        qemunitctl expect exsh --send 'printf "\\033[1mbo\\rBO\\033[0mld\\r\\n"\n' --timeout 60 '^BOld$'
        qemunitctl expect exsh --send 'echo kernel pan""ic; echo ne""ver\n' --fail 'panic' 'never' || echo "failed: $?"
    )";
    const Finished done = run({"bash", "-c", script});
    EXPECT_EQ(done.status, 0) << done;
    for (const char *seen :
         {"guest# \n", "\nexit status 12\n", "\nBOld\n",
          "qemunitctl: exsh: the line came that --fail= names: kernel panic\nfailed: 1\n"})
        EXPECT_TRUE(done.says(seen)) << seen << done;
}

TEST(Expect, AGuestThatEndsIsAFailureAtOnce) {
    VmUnderTest vm("exend", silent_linux_ini());
    make_known(vm);
    Finished done = expect({"exend", "guest#"});
    EXPECT_EQ(done.status, 1) << done;
    EXPECT_TRUE(done.says("exend: is off; start it with: systemctl start qemu@exend")) << done;
    done = expect({"exend", "--wait", "--timeout=1s", "guest#"});
    EXPECT_EQ(done.status, kNoLineInTime) << done;
    EXPECT_TRUE(done.says("has not started within 1s")) << done;

    Terminal waiting({"qemunitctl", "expect", "--wait", "exend", "guest# $"});
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    ASSERT_SEEN(waiting, "guest# ");
    EXPECT_EQ(waiting.wait(), 0);
    done = expect({"exend", "--send", "poweroff -f\\n", "--timeout=5min", "never comes"});
    EXPECT_EQ(done.status, 1) << done;
    EXPECT_TRUE(
        done.says("serial has ended, and no line of it matched 'never comes'; the last "
                  "lines were:\n| "))
        << done;
}

TEST(Expect, AnotherPort) {
    VmUnderTest vm("export", silent_linux_ini() + "[Serial second]\n");
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    GuestShell shell(vm);
    shell.run("echo hello from afar > /dev/ttyS1");
    Finished done = expect({"export", "--port", "second", "hello"});
    EXPECT_EQ(done.status, 0) << done;
    EXPECT_EQ(done.output, "hello from afar\n");
    done = expect({"export", "--port=third", "hello"});
    EXPECT_EQ(done.status, 1) << done;
    EXPECT_TRUE(done.says("has no serial port 'third'")) << done;
}

TEST(Expect, AGuestThatWritesWithoutEndIsHeardToTheEnd) {
    VmUnderTest vm("exendless", silent_linux_ini());
    ASSERT_TRUE(vm.start().ok()) << vm.status();
    Finished done = expect({"exendless", "guest# $"});
    ASSERT_EQ(done.status, 0) << done;
    done = expect({"exendless", "--send", R"(yes | tr -d '\\n'\n)", "--timeout=5s", "^never$"});
    EXPECT_EQ(done.status, kNoLineInTime) << done;
    EXPECT_TRUE(done.says("| yyyyyyyyyy")) << done;
    EXPECT_LT(done.output.size(), 3'000u);
    done = expect({"exendless", "--send", "\\x03", "guest# $"});
    EXPECT_EQ(done.status, 0) << done;
}

TEST(Expect, WrongArgumentsAreNoAnswerOfTheGuest) {
    for (const std::vector<std::string> &words : {std::vector<std::string>{"exnone", "("},
                                                  {"exnone", "a", "--fail=("},
                                                  {"exnone", "a", "--send=\\d"},
                                                  {"exnone", "a", "--timeout=soon"},
                                                  {"exnone", "a", "--port=monitor"},
                                                  {"exnone"}}) {
        const Finished done = expect(words);
        EXPECT_EQ(done.status, 2) << done;
    }
    const Finished done = expect({"exnone", "a"});
    EXPECT_EQ(done.status, 1) << done;
    EXPECT_TRUE(done.says("exnone")) << done;
}

}  // namespace
}  // namespace qemunit::e2e
