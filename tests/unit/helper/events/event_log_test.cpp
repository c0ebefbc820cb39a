// SPDX-License-Identifier: MIT
//
// QEMU's events on their way to a journald that the test plays.
#include "helper/events/event_log.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/unit/helper/console/fake_journald.h"

namespace qemunit::helper {
namespace {

using nlohmann::json;
using testing::Entries;
using testing::FakeJournald;
using testing::with_private_run;

struct Log : testing::Sender {
    Log() {
        auto created = EventLog::create(loop.get(), "vm1", *journal);
        EXPECT_TRUE(created);
        events = std::move(*created);
    }
    void take(const std::string &name, json data = json::object()) const {
        QmpEvent event;
        event.name = name;
        event.data = std::move(data);
        events->take(event);
    }

    std::unique_ptr<EventLog> events;
};

std::string dropped(unsigned count) {
    return dropped_events_text(count).message;
}

TEST(EventLogTest, AnEventIsAnEntryWithItsOrigin) {
    with_private_run([] {
        FakeJournald journald;
        Log log;
        log.take("STOP");
        log.take("RTC_CHANGE", {{"offset", 1}});
        log.take("SHUTDOWN", {{"guest", true}, {"reason", "guest-shutdown"}});
        EXPECT_EQ(journald.read(),
                  (Entries{"MESSAGE=Paused\nPRIORITY=6\n"
                           "MESSAGE_ID=fc39a8ca3ef94b9d87944289c74d8b81\nSYSLOG_IDENTIFIER=vm1\n"
                           "QEMUNIT_VM=vm1\nQEMUNIT_EVENT=STOP\n",
                           "MESSAGE=The guest powered off\nPRIORITY=6\n"
                           "MESSAGE_ID=5cc58b4959c245fca98ffbb417c7c849\nSYSLOG_IDENTIFIER=vm1\n"
                           "QEMUNIT_VM=vm1\nQEMUNIT_EVENT=SHUTDOWN\n"
                           "QEMUNIT_EVENT_DATA={\"guest\":true,\"reason\":\"guest-shutdown\"}\n"}));
    });
}

TEST(EventLogTest, AnEventAddsNoFieldsOfItsOwn) {
    with_private_run([] {
        FakeJournald journald;
        Log log;
        log.take("X\nPRIORITY=0", {{"x\n_PID=1", "y\nMESSAGE=forged"}});
        ASSERT_EQ(journald.read().size(), 1u);
        const std::string &entry = journald.read()[0];
        EXPECT_EQ(std::ranges::count(entry, '\n'), 7) << entry;
    });
}

TEST(EventLogTest, AFloodOfOneKindLeavesRoomForOthers) {
    with_private_run([] {
        FakeJournald journald;
        Log log;
        for (int i = 0; i < 10'000; ++i)
            log.take("BLOCK_IO_ERROR", {{"device", "root"}});
        log.take("SHUTDOWN", {{"reason", "guest-shutdown"}});
        Entries expected(EventLog::kEntriesOfAKindMax, "I/O error on drive 'root'");
        expected.push_back("The guest powered off");
        // The number comes by itself; then there is room again.
        expected.push_back(dropped(10'000 - EventLog::kEntriesOfAKindMax));
        EXPECT_TRUE(log.wait_until([&] { return journald.read().size() == expected.size(); }));
        EXPECT_EQ(journald.messages(), expected);
        log.take("BLOCK_IO_ERROR", {{"device", "root"}});
        expected.push_back("I/O error on drive 'root'");
        EXPECT_EQ(journald.messages(), expected);
    });
}

TEST(EventLogTest, AFloodOfAllKindsIsBounded) {
    with_private_run([] {
        FakeJournald journald;
        Log log;
        for (int i = 0; i < 1000; ++i)
            for (const char *name : {"STOP", "RESUME", "WAKEUP", "NEW"})
                log.take(name);
        log.events->end();
        log.events->end();
        EXPECT_TRUE(log.wait_until([&] {
            journald.read();
            return log.journal->is_empty();
        }));
        ASSERT_EQ(journald.messages().size(), EventLog::kEntriesMax + 1);
        EXPECT_EQ(journald.messages().back(), dropped(4000 - EventLog::kEntriesMax));
    });
}

TEST(EventLogTest, NothingIsSaidOfNothingLeftOut) {
    with_private_run([] {
        FakeJournald journald;
        Log log;
        for (int second = 0; second < 2; ++second) {
            log.take("STOP");
            log.loop.run_for(std::chrono::milliseconds(1100));
        }
        log.events->end();
        EXPECT_EQ(journald.messages(), (Entries{"Paused", "Paused"}));
    });
}

// Or a QEMU could fill our memory.
TEST(EventLogTest, AJournaldThatHangsIsNotWaitedForWithoutEnd) {
    with_private_run([] {
        FakeJournald journald;
        Log log;
        const std::string line(10'000, 'x');
        while (log.journal->queued_bytes() < 1 << 20)
            log.journal->send({{"MESSAGE", line}});
        const std::size_t before = log.journal->queued_bytes();
        log.take("STOP");
        log.loop.run_for(std::chrono::milliseconds(2200));
        EXPECT_EQ(log.journal->queued_bytes(), before);
        EXPECT_TRUE(log.wait_until(
            [&] { return !journald.read().empty() && journald.messages().back() == dropped(1); }));
    });
}

}  // namespace
}  // namespace qemunit::helper
