// SPDX-License-Identifier: MIT
//
// What is taken from a guest's words, and what is not; and whose words are taken.
#include "helper/guest/notify_message.h"

#include <gtest/gtest.h>

namespace qemunit::helper {
namespace {

TEST(NotifyMessageTest, WhatSystemdSaysWhenItIsUp) {
    const NotifyMessage message = parse_notify_message(
        "READY=1\nSTATUS=Startup finished in 1.2s (kernel) + 3.4s (userspace) = 4.6s.");
    EXPECT_TRUE(message.ready);
    EXPECT_EQ(message.status, "Startup finished in 1.2s (kernel) + 3.4s (userspace) = 4.6s.");
    EXPECT_EQ(message.exit_status, std::nullopt);
}

TEST(NotifyMessageTest, WhatSystemdSaysBesides) {
    for (const char *other :
         {"", "\n\n", "X_SYSTEMD_UNIT_ACTIVE=ssh-access.target", "X_SYSTEMD_HOSTNAME=guest\n",
          "STOPPING=1", "READY=0", "READY=", "READY", " READY=1", "STATUS", "EXIT_STATUS",
          "ready=1", "READY=11"}) {
        const NotifyMessage message = parse_notify_message(other);
        EXPECT_FALSE(message.ready) << other;
        EXPECT_EQ(message.status, std::nullopt) << other;
        EXPECT_EQ(message.exit_status, std::nullopt) << other;
    }
}

TEST(NotifyMessageTest, AStatusIsShownAsAConsoleIs) {
    const auto status = [](const std::string &text) {
        return parse_notify_message("STATUS=" + text).status;
    };
    EXPECT_EQ(status("a=b, läuft"), "a=b, läuft");
    EXPECT_EQ(status(""), "");
    EXPECT_EQ(status("\x1b[31mred\x1b[0m\x07"), "red");
    EXPECT_EQ(status("\x1b]0;title\x07rest"), "rest");
    EXPECT_EQ(status("\xff!"), "\xef\xbf\xbd!");
    EXPECT_EQ(status(std::string("a\0b", 3)), "ab");
    EXPECT_EQ(status(std::string(200, 'x')), std::string(200, 'x'));
    EXPECT_EQ(status(std::string(4000, 'x')), std::string(200, 'x') + "…");
    EXPECT_EQ(status(std::string(199, 'x') + "ä"), std::string(199, 'x') + "…");
}

TEST(NotifyMessageTest, ExitStatusesAreThoseOfProcesses) {
    const auto status = [](const std::string &text) {
        return parse_notify_message("EXIT_STATUS=" + text).exit_status;
    };
    EXPECT_EQ(status("0"), 0);
    EXPECT_EQ(status("3"), 3);
    EXPECT_EQ(status("255"), 255);
    for (const char *bad : {"", "256", "-1", "3 ", "0x3", "three", "99999999999999999999"})
        EXPECT_EQ(status(bad), std::nullopt) << bad;
}

TEST(NotifyMessageTest, TheLastOfTwoCounts) {
    const NotifyMessage message = parse_notify_message(
        "STATUS=one\nEXIT_STATUS=1\nSTATUS=two\nEXIT_STATUS=2\nEXIT_STATUS=x\n");
    EXPECT_EQ(message.status, "two");
    EXPECT_EQ(message.exit_status, 2);
}

TEST(NotifyMessageTest, OnlyTheOwnGuestIsListenedTo) {
    const auto peer = [](unsigned short family, unsigned cid) {
        sockaddr_vm address{};
        address.svm_family = family;
        address.svm_cid = cid;
        return address;
    };
    EXPECT_TRUE(is_of_guest(peer(AF_VSOCK, 42), 42));
    for (const unsigned other : {0u, 1u, 2u, 41u, 43u, VMADDR_CID_ANY})
        EXPECT_FALSE(is_of_guest(peer(AF_VSOCK, other), 42)) << other;
    EXPECT_FALSE(is_of_guest(peer(AF_UNIX, 42), 42));
}

}  // namespace
}  // namespace qemunit::helper
