// SPDX-License-Identifier: MIT
//
// Lines on their way to a journald that the test plays: what an entry holds, and that a
// busy or restarted journald costs no line. Each test has a /run of its own.
#include "helper/console/journal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "tests/unit/helper/console/fake_journald.h"
#include "tests/unit/helper/console/logged_port.h"

namespace qemunit::helper {
namespace {

using testing::Entries;
using testing::FakeJournald;
using testing::LoggedPort;
using testing::Sender;
using namespace std::chrono_literals;

TEST(JournalTest, AnEntryIsOneDatagramOfFields) {
    testing::with_private_run([] {
        FakeJournald journald;
        Sender sender;
        EXPECT_TRUE(sender.journal->is_empty());
        sender.journal->send({{"MESSAGE", "hello = world"}, {"PRIORITY", "6"}});
        sender.journal->send({{"MESSAGE", ""}});
        EXPECT_EQ(journald.read(), (Entries{"MESSAGE=hello = world\nPRIORITY=6\n", "MESSAGE=\n"}));
        EXPECT_TRUE(sender.journal->is_empty());
        EXPECT_FALSE(sender.journal->is_full());
    });
}

TEST(JournalTest, WithoutJournaldThereIsNone) {
    testing::with_private_run([] {
        testing::EventLoop loop;
        const auto journal = Journal::open(loop.get(), [] {});
        ASSERT_FALSE(journal);
        EXPECT_EQ(journal.error().message, "cannot reach the journal: No such file or directory");
    });
}

TEST(JournalTest, ABusyJournaldMakesItFullAndLosesNothing) {
    testing::with_private_run([] {
        FakeJournald journald;
        Sender sender;
        int rooms = 0;
        Entries sent;
        while (!sender.journal->is_full()) {
            sent.push_back(fmt::format("{} {}", sent.size(), std::string(1000, 'x')));
            sender.journal->send({{"MESSAGE", sent.back()}});
        }
        sender.on_room = [&] {
            ++rooms;
        };
        EXPECT_FALSE(sender.journal->is_empty());
        EXPECT_TRUE(sender.wait_until([&] { return journald.messages().size() == sent.size(); }));
        EXPECT_EQ(journald.messages(), sent);
        EXPECT_TRUE(sender.wait_until([&] { return sender.journal->is_empty(); }));
        EXPECT_FALSE(sender.journal->is_full());
        EXPECT_GT(rooms, 0);
    });
}

TEST(JournalTest, ARestartOfJournaldLosesNothing) {
    testing::with_private_run([] {
        std::optional<Sender> sender;
        {
            FakeJournald journald;
            sender.emplace();
            sender->journal->send({{"MESSAGE", "one"}});
            EXPECT_EQ(journald.messages(), Entries{"one"});
        }
        sender->journal->send({{"MESSAGE", "two"}});
        sender->journal->send({{"MESSAGE", "three"}});
        EXPECT_FALSE(sender->journal->is_empty());
        FakeJournald journald;
        EXPECT_TRUE(sender->wait_until([&] { return journald.messages().size() == 2; }));
        EXPECT_EQ(journald.messages(), (Entries{"two", "three"}));
        sender->journal->send({{"MESSAGE", "four"}});
        EXPECT_EQ(journald.messages().back(), "four");
    });
}

// In the sandbox, the socket stays the one that journald has no more.
TEST(JournalTest, LinesGoToStandardErrorWhereTheSocketDoesNotComeBack) {
    testing::with_private_run([] {
        std::optional<FakeJournald> journald;
        journald.emplace();
        Sender sender;
        journald.reset();
        int ends[2];
        ASSERT_EQ(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
        const UniqueFd reading(ends[0]), writing(ends[1]), before(dup(STDERR_FILENO));
        dup2(writing.get(), STDERR_FILENO);
        sender.journal->send({{"MESSAGE", "one = 1"}, {"PRIORITY", "5"}, {"QEMUNIT_VM", "vm1"}});
        sender.journal->send({{"MESSAGE", "two"}, {"PRIORITY", "6"}});
        const bool is_empty = sender.wait_until([&] { return sender.journal->is_empty(); });
        dup2(before.get(), STDERR_FILENO);
        EXPECT_TRUE(is_empty);
        char said[1000];
        const ssize_t n = read(reading.get(), said, sizeof said);
        EXPECT_EQ(std::string(said, static_cast<std::size_t>(std::max<ssize_t>(n, 0))),
                  "<4>qemunit-helper: the journal's socket was replaced; until this VM is "
                  "restarted, its lines have no QEMUNIT_ fields\n<5>one = 1\n<6>two\n");
        // And back, should it come.
        journald.emplace();
        sender.journal->send({{"MESSAGE", "three"}});
        EXPECT_TRUE(sender.wait_until([&] { return !journald->read().empty(); }));
    });
}

TEST(JournalTest, AnEntryThatIsRefusedDoesNotBlockTheNext) {
    testing::with_private_run([] {
        FakeJournald journald;
        Sender sender;
        const std::string huge(32 << 20, 'x');
        sender.journal->send({{"MESSAGE", huge}});
        sender.journal->send({{"MESSAGE", "next"}});
        EXPECT_TRUE(sender.wait_until([&] { return !journald.read().empty(); }));
        EXPECT_EQ(journald.messages(), Entries{"next"});
        EXPECT_TRUE(sender.journal->is_empty());
    });
}

TEST(JournalTest, AnEntryIsFiledWhenJournaldHasReadIt) {
    testing::with_private_run([] {
        FakeJournald journald;
        Sender sender;
        sender.journal->send({{"MESSAGE", "last words"}});
        int filed = 0;
        sender.journal->wait_until_filed([&] { ++filed; });
        for (int i = 0; i < 5; ++i)
            sd_event_run(sender.loop.get(), 10'000);
        EXPECT_EQ(filed, 0);
        EXPECT_TRUE(sender.wait_until([&] {
            journald.read();
            return filed > 0;
        }));
        // The entry, and the empty message behind it.
        EXPECT_EQ(journald.read(), (Entries{"MESSAGE=last words\n", ""}));
    });
}

TEST(JournalTest, WaitingForJournaldIsPossibleWhenItsSocketIsFull) {
    testing::with_private_run([] {
        FakeJournald journald;
        Sender sender;
        while (sender.journal->is_empty())
            sender.journal->send({{"MESSAGE", "x"}});
        ASSERT_TRUE(journald.read_one());
        EXPECT_TRUE(sender.wait_until([&] { return sender.journal->is_empty(); }));
        // All is sent, and there is no room for a further message.
        int filed = 0;
        sender.journal->wait_until_filed([&] { ++filed; });
        for (int i = 0; i < 5; ++i)
            sd_event_run(sender.loop.get(), 10'000);
        EXPECT_EQ(filed, 0);
        EXPECT_TRUE(sender.wait_until([&] {
            journald.read();
            return filed > 0;
        }));
        EXPECT_EQ(journald.read().back(), "");
        EXPECT_EQ(filed, 1);
    });
}

TEST(JournalTest, AJournaldThatIsGoneIsNotWaitedFor) {
    testing::with_private_run([] {
        std::optional<FakeJournald> journald;
        journald.emplace();
        Sender sender;
        journald.reset();
        int filed = 0;
        sender.journal->wait_until_filed([&] { ++filed; });
        EXPECT_TRUE(sender.wait_until([&] { return filed > 0; }));
    });
}

TEST(SerialPortLogTest, ALineIsAnEntryWithItsOrigin) {
    testing::with_private_run([] {
        FakeJournald journald;
        LoggedPort port;
        port.guest.write("\x1b[1mhello\x1b[0m\r\nnext\r\n");
        EXPECT_TRUE(port.wait_until([&] { return journald.read().size() == 2; }));
        EXPECT_EQ(journald.read(),
                  (Entries{"MESSAGE=hello\nPRIORITY=6\nSYSLOG_IDENTIFIER=vm1\nQEMUNIT_VM=vm1\n"
                           "QEMUNIT_PORT=serial\n",
                           "MESSAGE=next\nPRIORITY=6\nSYSLOG_IDENTIFIER=vm1\nQEMUNIT_VM=vm1\n"
                           "QEMUNIT_PORT=serial\n"}));
    });
}

TEST(SerialPortLogTest, AFurtherPortHasItsNameInTheIdentifier) {
    testing::with_private_run([] {
        FakeJournald journald;
        LoggedPort port("debug");
        port.guest.write("x\n");
        EXPECT_TRUE(port.wait_until([&] { return journald.read().size() == 1; }));
        EXPECT_EQ(journald.read()[0],
                  "MESSAGE=x\nPRIORITY=6\nSYSLOG_IDENTIFIER=vm1/debug\nQEMUNIT_VM=vm1\n"
                  "QEMUNIT_PORT=debug\n");
    });
}

TEST(SerialPortLogTest, APortThatIsNotLoggedIsNot) {
    testing::with_private_run([] {
        FakeJournald journald;
        LoggedPort port("serial", false);
        port.guest.write("secret\n");
        port.guest.close();
        EXPECT_TRUE(port.wait_until([&] { return port.ends == 1; }));
        EXPECT_EQ(journald.read(), Entries{});
    });
}

TEST(SerialPortLogTest, APromptIsLoggedWhenTheGuestFallsSilent) {
    testing::with_private_run([] {
        FakeJournald journald;
        LoggedPort port;
        port.guest.write("vm login: ");
        port.settle();
        EXPECT_EQ(journald.read(), Entries{});
        EXPECT_TRUE(port.wait_until([&] { return !journald.read().empty(); }));
        port.guest.write("root\r\n");
        EXPECT_TRUE(port.wait_until([&] { return journald.read().size() == 2; }));
        EXPECT_EQ(journald.messages(), (Entries{"vm login: ", "root"}));
    });
}

TEST(SerialPortLogTest, TheLastWordsAreInTheJournalBeforeTheEnd) {
    testing::with_private_run([] {
        FakeJournald journald;
        LoggedPort port;
        port.guest.write("first\r\nKernel panic - not syncing");
        port.guest.close();
        EXPECT_TRUE(port.wait_until([&] { return port.ends == 1; }));
        EXPECT_EQ(journald.messages(), (Entries{"first", "Kernel panic - not syncing"}));
    });
}

TEST(SerialPortLogTest, ABusyJournaldSlowsTheGuestAndLosesNothing) {
    testing::with_private_run([] {
        FakeJournald journald;
        LoggedPort port;
        std::string text;
        constexpr std::size_t kLines = 50'000;
        for (std::size_t i = 0; i < kLines; ++i)
            text += fmt::format("line {:06}\r\n", i);
        std::string_view rest = text;
        const auto print = [&] {
            rest.remove_prefix(port.guest.write(rest));
        };
        for (std::size_t before = 0; before != rest.size();) {
            before = rest.size();
            print();
            port.settle();
        }
        EXPECT_FALSE(rest.empty());
        EXPECT_TRUE(port.journal->is_full());

        EXPECT_TRUE(port.wait_until([&] {
            print();
            return journald.read().size() >= kLines;
        }));
        const Entries messages = journald.messages();
        ASSERT_EQ(messages.size(), kLines);
        for (std::size_t i = 0; i < kLines; ++i)
            ASSERT_EQ(messages[i], fmt::format("line {:06}", i));
    });
}

TEST(SerialPortLogTest, TheEndOfAGuestWaitsForABusyJournald) {
    testing::with_private_run([] {
        FakeJournald journald;
        LoggedPort port;
        std::size_t printed = 0;
        const std::string line(1000, 'x');
        while (!port.journal->is_full()) {
            if (port.guest.write(line + "\n") == line.size() + 1)
                ++printed;
            port.settle();
        }
        port.guest.write("last words");
        port.guest.close();
        port.settle();
        EXPECT_EQ(port.ends, 0);
        EXPECT_TRUE(port.wait_until([&] {
            journald.read();
            return port.ends == 1 && port.journal->is_empty();
        }));
        const Entries messages = journald.messages();
        EXPECT_EQ(messages.size(), printed + 1);
        EXPECT_EQ(messages.back(), "last words");
    });
}

}  // namespace
}  // namespace qemunit::helper
