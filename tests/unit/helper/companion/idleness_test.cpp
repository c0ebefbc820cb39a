// SPDX-License-Identifier: MIT
#include "helper/companion/idleness.h"

#include <gtest/gtest.h>

namespace qemunit::helper {
namespace {

// As QEMU 7.2 answers.
nlohmann::json chardevs(const std::string &monitor, const std::string &control) {
    return {{{"label", "serial"}, {"filename", "fd:10"}, {"frontend-open", true}},
            {{"label", "companion"}, {"filename", "unix:"}, {"frontend-open", true}},
            {{"label", "monitor"}, {"filename", monitor}, {"frontend-open", true}},
            {{"label", "control"}, {"filename", control}, {"frontend-open", true}}};
}

const std::string kNobody = "disconnected:unix:/run/qemunit/vm1/monitor.sock,server=on";
const std::string kSomebody = "unix:/run/qemunit/vm1/monitor.sock,server=on";

TEST(IdlenessTest, AClientAtASocketOfQemus) {
    EXPECT_FALSE(has_chardev_client(chardevs(kNobody, kNobody)));
    EXPECT_TRUE(has_chardev_client(chardevs(kSomebody, kNobody)));
}

TEST(IdlenessTest, QemunitdIsNobody) {
    EXPECT_FALSE(has_chardev_client(chardevs(kNobody, kSomebody)));
}

TEST(IdlenessTest, AnswersOfAnotherForm) {
    for (const char *text : {"null", "{}", "[1, \"x\", {}, {\"label\": 1}]", "[[]]"})
        EXPECT_FALSE(has_chardev_client(nlohmann::json::parse(text))) << text;
    for (const char *text : {"null", "[]", "{\"clients\": 1}", "{\"enabled\": true}"})
        EXPECT_FALSE(has_vnc_client(nlohmann::json::parse(text))) << text;
    EXPECT_FALSE(has_forwarded_connection("what?\nTCP[ESTABLISHED]\nTCP[HOST_FORWARD] 1"));
}

TEST(IdlenessTest, AVncClient) {
    EXPECT_FALSE(has_vnc_client(nlohmann::json{{"enabled", true}, {"clients", {}}}));
    EXPECT_TRUE(has_vnc_client(
        nlohmann::json{{"enabled", true}, {"clients", {{{"family", "unix"}, {"host", ""}}}}}));
}

const std::string kForward =
    "Hub -1 (lan):\r\n"
    "  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r\n"
    "  TCP[HOST_FORWARD]  14               * 10022       10.0.2.15    22     0     0\r\n";

TEST(IdlenessTest, AConnectionThroughAForward) {
    EXPECT_FALSE(has_forwarded_connection(""));
    EXPECT_FALSE(has_forwarded_connection(kForward));
    EXPECT_TRUE(has_forwarded_connection(
        kForward +
        "  TCP[ESTABLISHED]   19       127.0.0.1 10022       10.0.2.15    22     0     0\r\n"));
    EXPECT_FALSE(has_forwarded_connection(
        kForward +
        "  TCP[TIME_WAIT]     19       127.0.0.1 10022       10.0.2.15    22     0     0\r\n"));
}

TEST(IdlenessTest, TheGuestsOwnConnectionsDoNotCount) {
    EXPECT_FALSE(has_forwarded_connection(
        kForward +
        "  TCP[ESTABLISHED]   20       10.0.2.15 43210      192.0.2.1   443     0     0\r\n"));
}

}  // namespace
}  // namespace qemunit::helper
