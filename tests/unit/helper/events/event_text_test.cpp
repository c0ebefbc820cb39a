// SPDX-License-Identifier: MIT
#include "helper/events/event_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "common/qmp/events.h"

namespace qemunit::helper {
namespace {

using nlohmann::json;

QmpEvent event(const std::string &name, json data = json::object()) {
    QmpEvent result;
    result.name = name;
    result.data = std::move(data);
    return result;
}

// "PRIORITY MESSAGE"; "" for none.
std::string entry(const std::string &name, json data = json::object()) {
    const auto text = event_text(event(name, std::move(data)));
    return text ? fmt::format("{} {}", text->priority, text->message) : std::string();
}

TEST(EventTextTest, WhatTheMachineDoes) {
    EXPECT_EQ(entry("STOP"), "6 Paused");
    EXPECT_EQ(entry("RESUME"), "6 Resumed");
    EXPECT_EQ(entry("SUSPEND"), "6 Suspended by the guest");
    EXPECT_EQ(entry("SUSPEND_DISK"), "6 The guest suspended itself to its disk");
    EXPECT_EQ(entry("WAKEUP"), "6 Woken up");
    EXPECT_EQ(entry("POWERDOWN"), "6 The power button was pressed");
}

TEST(EventTextTest, WhyItEnded) {
    const auto end = [](const char *reason) {
        return entry("SHUTDOWN", {{"guest", true}, {"reason", reason}});
    };
    EXPECT_EQ(end("guest-shutdown"), "6 The guest powered off");
    EXPECT_EQ(end("guest-reset"), "6 The guest reset the machine, which ends the VM");
    EXPECT_EQ(end("guest-panic"), "2 The guest's kernel panicked, which ends the VM");
    EXPECT_EQ(end("host-signal"), "6 Ended by a signal");
    EXPECT_EQ(end("host-qmp-quit"), "6 Ended by a monitor command");
    EXPECT_EQ(end("host-qmp-system-reset"), "6 Ended by a reset from the monitor");
    EXPECT_EQ(end("host-ui"), "6 Ended from QEMU's display");
    EXPECT_EQ(end("host-error"), "3 Ended by an error of the host");
    EXPECT_EQ(end("subsystem-reset"), "5 Ended: subsystem-reset");
    EXPECT_EQ(end("none"), "5 Ended for no reason that QEMU gave");
    EXPECT_EQ(end(""), "5 Ended for no reason that QEMU gave");
    EXPECT_EQ(entry("SHUTDOWN"), "5 Ended for no reason that QEMU gave");
}

TEST(EventTextTest, WhyItWasReset) {
    const auto reset = [](const char *reason) {
        return entry("RESET", {{"guest", true}, {"reason", reason}});
    };
    EXPECT_EQ(reset("guest-reset"), "6 Reset by the guest");
    EXPECT_EQ(reset("guest-panic"), "3 Reset, as the guest's kernel panicked");
    EXPECT_EQ(reset("host-qmp-system-reset"), "6 Reset by a monitor command");
    EXPECT_EQ(reset("snapshot-load"), "6 Reset to load a snapshot");
    EXPECT_EQ(reset("subsystem-reset"), "6 Reset by a part of the machine");
    EXPECT_EQ(reset("host-signal"), "5 Reset: host-signal");
    EXPECT_EQ(reset("none"), "5 Reset for no reason that QEMU gave");
    EXPECT_EQ(entry("RESET"), "5 Reset for no reason that QEMU gave");
}

TEST(EventTextTest, WhatWentWrongInTheGuest) {
    EXPECT_EQ(entry("GUEST_PANICKED", {{"action", "pause"}}),
              "2 The guest's kernel panicked; the VM is paused");
    EXPECT_EQ(entry("GUEST_PANICKED", {{"action", "poweroff"}}),
              "2 The guest's kernel panicked; the VM ends");
    EXPECT_EQ(entry("GUEST_PANICKED", {{"action", "run"}}),
              "2 The guest's kernel panicked; the VM runs on");
    EXPECT_EQ(entry("GUEST_PANICKED", {{"action", "dance"}}), "2 The guest's kernel panicked");
    EXPECT_EQ(entry("GUEST_CRASHLOADED", {{"action", "run"}}),
              "2 The guest's kernel panicked, and starts its crash kernel");
    EXPECT_EQ(entry("WATCHDOG", {{"action", "reset"}}), "3 The watchdog fired: reset");
    EXPECT_EQ(entry("WATCHDOG", {{"action", "inject-nmi"}}), "3 The watchdog fired: inject-nmi");
    EXPECT_EQ(entry("WATCHDOG"), "3 The watchdog fired");
}

TEST(EventTextTest, WhatWentWrongOnTheHost) {
    const auto io_error = [](const char *device, const char *operation, const char *action,
                             const char *reason) {
        return entry("BLOCK_IO_ERROR", {{"device", device},
                                        {"node-name", "#block123"},
                                        {"operation", operation},
                                        {"action", action},
                                        {"nospace", false},
                                        {"reason", reason}});
    };
    EXPECT_EQ(io_error("root", "write", "stop", "No space left on device"),
              "3 I/O error on drive 'root': No space left on device (writing); the guest is "
              "paused");
    EXPECT_EQ(io_error("root", "read", "report", "Input/output error"),
              "3 I/O error on drive 'root': Input/output error (reading); the guest is told");
    EXPECT_EQ(io_error("", "discard", "ignore", ""), "4 I/O error on drive '#block123'; ignored");
    EXPECT_EQ(entry("BLOCK_IO_ERROR"), "3 I/O error on drive '(unnamed)'");

    EXPECT_EQ(entry("BLOCK_IMAGE_CORRUPTED",
                    {{"device", "root"}, {"msg", "L2 table overlaps"}, {"fatal", true}}),
              "2 The image of drive 'root' is corrupted: L2 table overlaps; it can be used no "
              "more");
    EXPECT_EQ(entry("BLOCK_IMAGE_CORRUPTED", {{"node-name", "n1"}, {"fatal", false}}),
              "3 The image of drive 'n1' is corrupted");

    const auto memory = [](const char *recipient, const char *action) {
        return entry("MEMORY_FAILURE", {{"recipient", recipient}, {"action", action}});
    };
    EXPECT_EQ(memory("guest", "inject"),
              "3 The host's memory failed in the guest's part; the guest is told");
    EXPECT_EQ(memory("guest", "reset"),
              "2 The host's memory failed in the guest's part; the guest is reset");
    EXPECT_EQ(memory("hypervisor", "fatal"),
              "2 The host's memory failed in QEMU's part; QEMU ends");
    EXPECT_EQ(memory("hypervisor", "ignore"), "4 The host's memory failed in QEMU's part; ignored");
    EXPECT_EQ(memory("hypervisor", ""), "3 The host's memory failed in QEMU's part");
}

TEST(EventTextTest, Jobs) {
    const json commit = {{"type", "commit"}, {"device", "root"}, {"len", 1}, {"offset", 1}};
    json failed = commit;
    failed["error"] = "Input/output error";
    EXPECT_EQ(entry("BLOCK_JOB_COMPLETED", commit), "6 Block job 'root' (commit) completed");
    EXPECT_EQ(entry("BLOCK_JOB_COMPLETED", failed),
              "3 Block job 'root' (commit) failed: Input/output error");
    EXPECT_EQ(entry("BLOCK_JOB_CANCELLED", commit), "5 Block job 'root' (commit) was cancelled");
    EXPECT_EQ(entry("BLOCK_JOB_READY", commit),
              "6 Block job 'root' (commit) is ready to be completed");
    EXPECT_EQ(entry("BLOCK_JOB_PENDING", {{"type", "mirror"}, {"id", "m0"}}),
              "6 Block job 'm0' (mirror) waits to be finalized");
    const auto error = [](const char *action) {
        return entry("BLOCK_JOB_ERROR",
                     {{"device", "root"}, {"operation", "read"}, {"action", action}});
    };
    EXPECT_EQ(error("stop"), "3 I/O error in block job 'root' (reading); the job is paused");
    EXPECT_EQ(error("report"), "3 I/O error in block job 'root' (reading); the job fails");
    EXPECT_EQ(error("ignore"), "4 I/O error in block job 'root' (reading); ignored");
    EXPECT_EQ(error(""), "3 I/O error in block job 'root' (reading)");

    const auto status = [](const char *now) {
        return entry("JOB_STATUS_CHANGE", {{"id", "snap0"}, {"status", now}});
    };
    EXPECT_EQ(status("concluded"), "6 Job 'snap0' concluded");
    EXPECT_EQ(status("aborting"), "4 Job 'snap0' failed, or was cancelled");
    for (const char *on_the_way : {"undefined", "created", "running", "paused", "ready", "standby",
                                   "waiting", "pending", "null", ""})
        EXPECT_EQ(status(on_the_way), "") << on_the_way;
}

TEST(EventTextTest, DevicesAndMigration) {
    EXPECT_EQ(entry("DEVICE_DELETED", {{"device", "lan"}, {"path", "/machine/peripheral/lan"}}),
              "6 Device 'lan' removed");
    EXPECT_EQ(entry("DEVICE_DELETED", {{"path", "/machine/peripheral/lan/virtio-backend"}}),
              "7 Device '/machine/peripheral/lan/virtio-backend' removed");
    EXPECT_EQ(entry("DEVICE_UNPLUG_GUEST_ERROR", {{"device", "lan"}, {"path", "/x"}}),
              "4 The guest does not give up device 'lan'");
    EXPECT_EQ(entry("DEVICE_UNPLUG_GUEST_ERROR", {{"path", "/x"}}),
              "4 The guest does not give up device '/x'");
    EXPECT_EQ(entry("MEM_UNPLUG_ERROR", {{"device", "dimm1"}, {"msg", "in use"}}),
              "4 The guest does not give up device 'dimm1': in use");
    const auto tray = [](json open) {
        return entry("DEVICE_TRAY_MOVED",
                     {{"device", ""}, {"id", "cd"}, {"tray-open", std::move(open)}});
    };
    EXPECT_EQ(tray(true), "6 Drive 'cd': tray opened");
    EXPECT_EQ(tray(false), "6 Drive 'cd': tray closed");
    EXPECT_EQ(tray(nullptr), "6 Drive 'cd': tray moved");
    const auto migration = [](const char *status) {
        return entry("MIGRATION", {{"status", status}});
    };
    EXPECT_EQ(migration("active"), "6 Migration: active");
    EXPECT_EQ(migration("completed"), "6 Migration completed");
    EXPECT_EQ(migration("cancelled"), "5 Migration cancelled");
    EXPECT_EQ(migration("failed"), "3 Migration failed");
    EXPECT_EQ(entry("BALLOON_CHANGE", {{"actual", 209715200}}),
              "7 The balloon leaves 200 MiB to the guest");
    EXPECT_EQ(entry("BALLOON_CHANGE"), "7 The balloon changed its size");
}

TEST(EventTextTest, OtherEventsAreNamed) {
    const auto text = event_text(event("VNC_CONNECTED", {{"client", {{"family", "unix"}}}}));
    ASSERT_TRUE(text);
    EXPECT_EQ(text->message, "QEMU reports VNC_CONNECTED");
    EXPECT_EQ(text->priority, 6);
    EXPECT_EQ(text->name, "VNC_CONNECTED");
    EXPECT_EQ(text->data, R"({"client":{"family":"unix"}})");
    EXPECT_EQ(text->message_id, event_text(event("OF_A_LATER_QEMU"))->message_id);
}

TEST(EventTextTest, NoiseIsLeftOut) {
    for (const char *name : {"RTC_CHANGE", "VSERPORT_CHANGE", "NIC_RX_FILTER_CHANGED",
                             "MEMORY_DEVICE_SIZE_CHANGE", "MIGRATION_PASS", ""})
        EXPECT_FALSE(event_text(event(name))) << name;
}

TEST(EventTextTest, DataIsCompactJson) {
    EXPECT_EQ(event_text(event("STOP"))->data, "");
    EXPECT_EQ(event_text(event("STOP", json()))->data, "");
    EXPECT_EQ(event_text(event("RESET", {{"guest", true}, {"reason", "guest-reset"}}))->data,
              R"({"guest":true,"reason":"guest-reset"})");
    EXPECT_EQ(event_text(event("X", {{"file", "/srv/\u00e4\n\x7f\u0085.img"}}))->data,
              R"({"file":"/srv/\u00e4\n\u007f\u0085.img"})");
    EXPECT_EQ(event_text(event("X", {{"x", "\xff\xfe"}}))->data, R"({"x":"\ufffd\ufffd"})");
    EXPECT_EQ(event_text(event("X", {{"x", std::string(4000, 'x')}}))->data.size(), 4008u);
    EXPECT_EQ(event_text(event("X", {{"x", std::string(5000, 'x')}}))->data, "");
}

TEST(EventTextTest, TheNumberOfThoseLeftOut) {
    const EventText text = dropped_events_text(1234);
    EXPECT_EQ(text.message,
              "1234 more events of QEMU are not logged: there were too many in a second");
    EXPECT_EQ(text.priority, 4);
    EXPECT_EQ(text.name, "");
}

// --- What a QEMU sends that a guest has taken over ---

void expect_harmless(const EventText &text) {
    for (const std::string &value : {text.message, text.name, text.data})
        EXPECT_TRUE(std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~'; }))
            << json(value).dump(-1, ' ', true, json::error_handler_t::replace);
    EXPECT_LE(text.message.size(), 2048u);
    EXPECT_LE(text.name.size(), 67u);
    EXPECT_LE(text.data.size(), 4096u);
    EXPECT_GE(text.priority, 2);
    EXPECT_LE(text.priority, 7);
}

TEST(EventTextTest, NoStringEndsAField) {
    const json data = {{"device", "root'\nPRIORITY=0\nMESSAGE=forged"},
                       {"reason", "\x1b[2J\r\a\u202e"}};
    const auto text = event_text(event("BLOCK_IO_ERROR", data));
    ASSERT_TRUE(text);
    expect_harmless(*text);
    EXPECT_EQ(text->message, R"(I/O error on drive 'root'\nPRIORITY=0\nMESSAGE=forged': )"
                             R"(\u001b[2J\r\u0007\u202e)");
    const auto named = event_text(event("STOP\nMESSAGE=forged"));
    ASSERT_TRUE(named);
    expect_harmless(*named);
    EXPECT_EQ(named->name, R"(STOP\nMESSAGE=forged)");
    EXPECT_EQ(named->message, R"(QEMU reports STOP\nMESSAGE=forged)");
}

TEST(EventTextTest, LongStringsAreCut) {
    const std::string huge(1 << 16, '\n');
    const auto text = event_text(event(huge, {{"reason", huge}}));
    ASSERT_TRUE(text);
    expect_harmless(*text);
    EXPECT_EQ(text->data, "");
    for (const EventKind &kind : event_kinds())
        if (const auto known = event_text(event(
                std::string(kind.name),
                {{"device", huge}, {"id", huge}, {"reason", huge}, {"msg", huge}, {"type", huge}})))
            expect_harmless(*known);
    EXPECT_EQ(event_text(event("WATCHDOG", {{"action", std::string(600, 'x')}}))->message,
              "The watchdog fired: " + std::string(512, 'x') + "...");
}

TEST(EventTextTest, WrongTypesAreNoStrings) {
    const std::vector<json> wrong{nullptr,        7,     -1,     1e300, true, json::array({1, "x"}),
                                  json::object(), "str", "\xc3("};
    for (const EventKind &kind : event_kinds()) {
        const std::string name(kind.name);
        for (const json &value : wrong) {
            json data;
            for (const char *key : {"reason", "action", "device", "id", "node-name", "operation",
                                    "msg", "fatal", "type", "error", "status", "tray-open", "path",
                                    "actual", "recipient", "nospace", "guest", "info"})
                data[key] = value;
            if (const auto text = event_text(event(name, data)))
                expect_harmless(*text);
            if (const auto text = event_text(event(name, value)))  // not even an object
                expect_harmless(*text);
        }
    }
}

}  // namespace
}  // namespace qemunit::helper
