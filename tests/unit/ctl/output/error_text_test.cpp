// SPDX-License-Identifier: MIT
#include "ctl/output/error_text.h"

#include <gtest/gtest.h>

#include "ctl/console/console.h"
#include "ctl/verbs/keyboard.h"

namespace qemunit::ctl {
namespace {

TEST(ErrorTextTest, OurOwnErrorsAreWordsAlready) {
    EXPECT_EQ(
        error_text("org.qemunit1.Error.Monitor", "unknown command: 'x'", "MonitorCommand", "vm1"),
        "unknown command: 'x'");
    EXPECT_EQ(
        error_text("org.qemunit1.Error.NotRunning",
                   "VM 'vm1' is off; start it with: systemctl start qemu@vm1", "Pause", "vm1"),
        "is off; start it with: systemctl start qemu@vm1");
    EXPECT_EQ(
        error_text("org.qemunit1.Error.NotRunning", "VM 'vm1' was disconnected", "Pause", "vm1"),
        "was disconnected (systemctl start qemu@vm1)");
}

TEST(ErrorTextTest, DBussErrorsSayWhatToDo) {
    const auto text = [](const std::string &name) {
        return error_text("org.freedesktop.DBus.Error." + name, "Rejected send message, 4 matched",
                          "Screenshot", "vm1");
    };
    EXPECT_EQ(text("AccessDenied"),
              "access denied: Screenshot is root's, or whom root lets (org.qemunit1(5), ACCESS)");
    EXPECT_EQ(error_text("org.freedesktop.DBus.Error.AccessDenied",
                         "Access denied: nobody has authenticated", "Screenshot", "vm1"),
              "access denied: nobody has authenticated (org.qemunit1(5), ACCESS)");
    EXPECT_EQ(text("UnknownMethod"),
              "the qemunitd that runs has no Screenshot; is it an older version? Try: systemctl "
              "restart qemunitd");
    EXPECT_EQ(text("NoReply"), "no answer to Screenshot in time; see: systemctl status qemunitd");
    EXPECT_NE(text("Spawn.ChildExited").find("cannot reach qemunitd"), std::string::npos);
    EXPECT_EQ(text("Failed"), "Rejected send message, 4 matched");
}

TEST(ErrorTextTest, AUsersHintsAreOfHisOwnManager) {
    EXPECT_EQ(for_own_manager("is off; start it with: systemctl start qemu@vm1"),
              "is off; start it with: systemctl --user start qemu@vm1");
    EXPECT_EQ(for_own_manager("after: systemctl daemon-reload; systemctl --user restart qemu@vm1"),
              "after: systemctl --user daemon-reload; systemctl --user restart qemu@vm1");
    EXPECT_EQ(for_own_manager("use: journalctl -u qemu@vm1"), "use: journalctl --user -u qemu@vm1");
    EXPECT_EQ(for_own_manager("systemctl"), "systemctl");
    EXPECT_EQ(for_own_manager(""), "");
}

TEST(ErrorTextTest, AConsoleThatCannotBeHad) {
    EXPECT_EQ(refusal_text(EACCES, "vm1", "debug", "/run/qemunit/vm1/debug.sock"),
              "permission denied: /run/qemunit/vm1/debug.sock. It is root's; SocketGroup=, "
              "SocketUser= and SocketMode= in [Serial debug] of the ini file open it to others, "
              "after: systemctl daemon-reload; systemctl restart qemu@vm1");
    EXPECT_EQ(refusal_text(EAGAIN, "vm1", "debug", "/x"), "too many wait at /x already; try again");
}

TEST(KeyboardTest, KeysBetweenDashes) {
    using Keys = std::vector<std::string>;
    EXPECT_EQ(split_keys("ctrl-alt-delete"), (Keys{"ctrl", "alt", "delete"}));
    EXPECT_EQ(split_keys("kp_subtract"), Keys{"kp_subtract"});
    for (const char *odd : {"", "-", "ctrl-", "-a", "a--b"})
        EXPECT_EQ(split_keys(odd), Keys{}) << odd;
}

}  // namespace
}  // namespace qemunit::ctl
