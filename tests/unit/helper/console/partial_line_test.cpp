// SPDX-License-Identifier: MIT
//
// When a line without an end is taken for one: after a second of the guest's silence, and never
// because something else kept the rest of it back.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "tests/unit/helper/console/logged_port.h"

namespace qemunit::helper {
namespace {

using testing::Entries;
using testing::FakeJournald;
using testing::LoggedPort;
using testing::Peer;
using namespace std::chrono_literals;

// Another guest on the same event loop, whose prompt tells that a prompt's time has passed.
struct Prompter {
    explicit Prompter(const testing::EventLoop &loop) {
        testing::SocketPair pair;
        guest = Peer(std::move(pair.one));
        auto created =
            SerialPort::create(loop.get(), "other",
                               {.name = "serial", .guest = std::move(pair.other)}, nullptr, [] {});
        EXPECT_TRUE(created);
        port = std::move(*created);
        port->on_line([this](const std::string &) { ++prompts; });
    }
    void wait(const testing::EventLoop &loop) {
        const int before = prompts;
        guest.write("> ");
        EXPECT_TRUE(loop.run_until([&] { return prompts > before; }, 60s));
    }

    Peer guest;
    std::unique_ptr<SerialPort> port;
    int prompts = 0;
};

struct PartialLine : LoggedPort {
    void print(std::string_view text) {
        EXPECT_EQ(guest.write(text), text.size());
        settle();
    }
    void wait_for_a_prompts_time() { prompter.wait(loop); }
    void fill_journal() {
        while (!journal->is_full()) {
            ++filling;
            journal->send({{"MESSAGE", std::string(1000, 'x')}});
        }
    }
    // What the guest has printed as of now.
    Entries lines(FakeJournald &journald) {
        EXPECT_TRUE(wait_until([&] {
            journald.read();
            return journal->is_empty();
        }));
        settle();
        Entries messages = journald.messages();
        messages.erase(messages.begin(), messages.begin() + filling);
        return messages;
    }

    Prompter prompter{loop};
    long filling = 0;
};

TEST(PartialLineTest, ItsRestMayWaitForTheJournal) {
    testing::with_private_run([] {
        FakeJournald journald;
        PartialLine port;
        port.print("half a li");
        port.fill_journal();
        port.print("ne\r\n");
        port.wait_for_a_prompts_time();
        EXPECT_EQ(port.lines(journald), Entries{"half a line"});
    });
}

// The journal is full, and nobody has noticed yet: the guest has nothing to say.
TEST(PartialLineTest, APromptIsOneWhenTheJournalHasRoomAgain) {
    testing::with_private_run([] {
        FakeJournald journald;
        PartialLine port;
        port.print("one\r\n");
        port.fill_journal();
        port.print("login: ");
        port.wait_for_a_prompts_time();
        port.wait_until([&] {
            journald.read();
            return port.journal->is_empty();
        });
        port.wait_for_a_prompts_time();
        const Entries messages = journald.messages();
        EXPECT_EQ(messages.front(), "one");
        EXPECT_EQ(messages.back(), "login: ");
    });
}

TEST(PartialLineTest, WhatOthersLogDoesNotPutItOff) {
    testing::with_private_run([] {
        FakeJournald journald;
        PartialLine port;
        port.print("login: ");
        EXPECT_TRUE(port.wait_until([&] {
            port.journal->send({{"MESSAGE", "other"}});
            const Entries messages = journald.messages();
            return std::ranges::find(messages, "login: ") != messages.end();
        }));
    });
}

TEST(PartialLineTest, APausedGuestIsNotSilent) {
    testing::with_private_run([] {
        FakeJournald journald;
        PartialLine port;
        port.print("half a li");
        port.port->set_guest_runs(false);
        port.wait_for_a_prompts_time();
        port.print("n");  // QEMU had it already
        port.wait_for_a_prompts_time();
        port.port->set_guest_runs(true);
        port.print("e\r\nlogin: ");
        port.wait_for_a_prompts_time();
        EXPECT_EQ(port.lines(journald), (Entries{"half a line", "login: "}));
    });
}

TEST(PartialLineTest, ThePromptOfAGuestThatRunsOnIsOne) {
    testing::with_private_run([] {
        FakeJournald journald;
        PartialLine port;
        port.print("login: ");
        port.port->set_guest_runs(false);
        port.port->set_guest_runs(true);
        port.wait_for_a_prompts_time();
        EXPECT_EQ(port.lines(journald), Entries{"login: "});
    });
}

// As after `systemctl freeze`: QEMU was frozen as well, and is as late.
TEST(PartialLineTest, WhoWasAsleepHasNotHeardSilence) {
    testing::with_private_run([] {
        FakeJournald journald;
        PartialLine port;
        port.print("half a li");
        testing::EventLoop elsewhere;
        Prompter other(elsewhere);
        for (int i = 0; i < 2; ++i)
            other.wait(elsewhere);
        port.settle();
        port.print("ne\r\nlogin: ");
        port.wait_for_a_prompts_time();
        EXPECT_EQ(port.lines(journald), (Entries{"half a line", "login: "}));
    });
}

// Which no event tells. It answers when it runs again.
TEST(PartialLineTest, AQemuThatStandsStillIsNotSilent) {
    testing::with_private_run([] {
        FakeJournald journald;
        PartialLine port;
        std::vector<std::function<void()>> questions;
        bool stands = true;
        port.port->ask_qemu_by([&](std::function<void()> answered) {
            stands ? questions.push_back(std::move(answered)) : answered();
        });
        port.print("half a li");
        ASSERT_TRUE(port.wait_until([&] { return !questions.empty(); }));
        port.wait_for_a_prompts_time();
        stands = false;
        questions.front()();
        port.settle();
        port.print("ne\r\nlogin: ");
        port.wait_for_a_prompts_time();
        EXPECT_EQ(port.lines(journald), (Entries{"half a line", "login: "}));
        EXPECT_EQ(questions.size(), 1u);
    });
}

// A moment is no reason to wait longer.
TEST(PartialLineTest, AQemuThatAnswersIsSilent) {
    testing::with_private_run([] {
        FakeJournald journald;
        PartialLine port;
        int asked = 0;
        port.port->ask_qemu_by([&](const std::function<void()> &answered) {
            ++asked;
            answered();
        });
        port.print("login: ");
        port.wait_for_a_prompts_time();
        EXPECT_EQ(port.lines(journald), Entries{"login: "});
        EXPECT_EQ(asked, 2);
    });
}

TEST(PartialLineTest, TheLastWordsOfAPausedGuestAreALine) {
    testing::with_private_run([] {
        FakeJournald journald;
        PartialLine port;
        port.print("saving");
        port.port->set_guest_runs(false);
        port.guest.close();
        EXPECT_TRUE(port.wait_until([&] { return port.ends == 1; }));
        EXPECT_EQ(port.lines(journald), Entries{"saving"});
    });
}

}  // namespace
}  // namespace qemunit::helper
