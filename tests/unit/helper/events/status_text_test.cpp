// SPDX-License-Identifier: MIT
#include "helper/events/status_text.h"

#include <gtest/gtest.h>

namespace qemunit::helper {
namespace {

using nlohmann::json;

std::string text(const std::string &name, json data = json::object()) {
    QmpEvent event;
    event.name = name;
    event.data = std::move(data);
    return status_text(event);
}

TEST(StatusTextTest, WhatTheMachineDoes) {
    EXPECT_EQ(text("STOP"), "Paused");
    EXPECT_EQ(text("RESUME"), "Running");
    EXPECT_EQ(text("SUSPEND"), "Suspended by the guest");
    EXPECT_EQ(text("WAKEUP"), "Running");
    EXPECT_EQ(text("POWERDOWN"), "Power button pressed, waiting for the guest");
    EXPECT_EQ(text("GUEST_PANICKED", {{"action", "pause"}}), "The guest panicked");
}

TEST(StatusTextTest, WhyItEnded) {
    const auto end = [](const char *reason) {
        return text("SHUTDOWN", {{"reason", reason}});
    };
    EXPECT_EQ(end("guest-shutdown"), "Ended: the guest powered off");
    EXPECT_EQ(end("guest-reset"), "Ended: the guest reset the machine");
    EXPECT_EQ(end("guest-panic"), "Ended: the guest panicked");
    EXPECT_EQ(end("host-signal"), "Ended: stopped by a signal");
    EXPECT_EQ(end("host-qmp-quit"), "Ended: quit by a monitor command");
    EXPECT_EQ(end("subsystem-reset"), "Ended: subsystem-reset");
}

TEST(StatusTextTest, AnEndWithoutReason) {
    const std::string none = "Ended: for no reason that QEMU gave";
    EXPECT_EQ(text("SHUTDOWN"), none);
    EXPECT_EQ(text("SHUTDOWN", {{"guest", true}}), none);
    EXPECT_EQ(text("SHUTDOWN", {{"reason", 7}}), none);
    EXPECT_EQ(text("SHUTDOWN", {{"reason", ""}}), none);
    EXPECT_EQ(text("SHUTDOWN", json()), none);
}

TEST(StatusTextTest, OtherEventsChangeNothing) {
    for (const char *name : {"RTC_CHANGE", "DEVICE_DELETED", "NIC_RX_FILTER_CHANGED", "", "stop"})
        EXPECT_EQ(text(name), "") << name;
}

TEST(StatusTextTest, TheStateThatWasAskedFor) {
    EXPECT_EQ(status_text_of_state("paused"), "Paused");
    EXPECT_EQ(status_text_of_state("suspended"), "Suspended by the guest");
    EXPECT_EQ(status_text_of_state("guest-panicked"), "The guest panicked");
    for (const char *state : {"running", "prelaunch", "inmigrate", "shutdown", ""})
        EXPECT_EQ(status_text_of_state(state), "") << state;
}

}  // namespace
}  // namespace qemunit::helper
