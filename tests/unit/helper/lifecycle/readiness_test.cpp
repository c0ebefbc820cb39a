// SPDX-License-Identifier: MIT
//
// What systemd is told, and when; and what a VM that never got ready says.
#include "helper/lifecycle/readiness.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace qemunit::helper {
namespace {

using Lines = std::vector<std::string>;

struct Told {
    explicit Told(Awaited awaited) {
        auto created = Readiness::create(
            std::move(awaited), [this](const std::string &text) { notices.push_back(text); });
        EXPECT_TRUE(created);
        readiness = std::move(*created);
    }
    explicit Told(const std::string &expression)
        : Told(Awaited{Awaited::Thing::console_line, expression}) {}
    Readiness *operator->() const { return readiness.get(); }

    Lines notices;
    std::unique_ptr<Readiness> readiness;
};

const std::string kWaiting = "STATUS=Started, waiting for a console line that matches 'login: *$'";

TEST(ReadinessTest, NothingButQemuIsAwaited) {
    Told vm{Awaited{}};
    EXPECT_FALSE(vm->wants_lines());
    vm->take_answer_of_qemu("7.2.22");
    EXPECT_TRUE(vm->is_ready());
    vm->take_status("Paused");
    EXPECT_EQ(vm.notices, (Lines{"READY=1\nSTATUS=Running, QEMU 7.2.22", "STATUS=Paused"}));
}

TEST(ReadinessTest, ALineOfTheConsole) {
    Told vm("login: *$");
    vm->take_line("booting");
    vm->take_answer_of_qemu("7.2.22");
    vm->take_line("login: nobody yet");
    EXPECT_EQ(vm.notices, Lines{kWaiting});
    vm->take_line("guest login: ");
    EXPECT_TRUE(vm->is_ready());
    EXPECT_FALSE(vm->wants_lines());
    vm->take_line("guest login: ");
    EXPECT_EQ(vm.notices, (Lines{kWaiting, "READY=1\nSTATUS=Running, QEMU 7.2.22"}));
}

TEST(ReadinessTest, ALineThatComesBeforeQemuAnswers) {
    Told vm("login: *$");
    vm->take_line("login:");
    EXPECT_EQ(vm.notices, Lines{});
    vm->take_answer_of_qemu("7.2.22");
    EXPECT_EQ(vm.notices, Lines{"READY=1\nSTATUS=Running, QEMU 7.2.22"});
}

TEST(ReadinessTest, TheGuestAgent) {
    Told vm(Awaited{Awaited::Thing::agent, ""});
    vm->take_answer_of_qemu("7.2.22");
    vm->take_line("agent");
    vm->take_answer_of_agent();
    vm->take_answer_of_agent();
    EXPECT_EQ(vm.notices, (Lines{"STATUS=Started, waiting for the guest agent",
                                 "READY=1\nSTATUS=Running, QEMU 7.2.22"}));
}

TEST(ReadinessTest, AnAgentIsNoConsoleLine) {
    Told vm("x");
    vm->take_answer_of_qemu("7.2.22");
    vm->take_answer_of_agent();
    EXPECT_FALSE(vm->is_ready());
}

TEST(ReadinessTest, EventsDoNotHideWhatIsAwaited) {
    Told vm(Awaited{Awaited::Thing::agent, ""});
    vm->take_answer_of_qemu("7.2.22");
    vm->take_status("Paused");
    EXPECT_EQ(vm.notices.back(), "STATUS=Paused, waiting for the guest agent");
    vm->take_answer_of_agent();
    EXPECT_EQ(vm.notices.back(), "READY=1\nSTATUS=Paused");
    Told other(Awaited{Awaited::Thing::agent, ""});
    other->take_answer_of_qemu("7.2.22");
    other->take_status("Ended: the guest powered off");
    EXPECT_EQ(other.notices.back(), "STATUS=Ended: the guest powered off");
}

TEST(ReadinessTest, AVmThatGoesDownIsNotReadyAnyMore) {
    Told vm("login: *$");
    vm->take_answer_of_qemu("7.2.22");
    vm->give_up();
    vm->take_line("login: ");
    EXPECT_FALSE(vm->is_ready());
    EXPECT_EQ(vm.notices, Lines{kWaiting});
}

TEST(ReadinessTest, WhatWasAwaitedAndTheLastLines) {
    Told vm("login: *$");
    vm->take_line("too early");
    EXPECT_EQ(vm->explanation(), Lines{});  // QEMU has words of its own
    vm->take_answer_of_qemu("7.2.22");
    for (int i = 1; i <= 10; ++i) {
        vm->take_line("line " + std::to_string(i));
        vm->take_line("");
    }
    Lines wanted = {"never ready: no console line matched 'login: *$'; the last lines were:"};
    for (int i = 5; i <= 10; ++i)
        wanted.push_back("| line " + std::to_string(i));
    EXPECT_EQ(vm->explanation(), wanted);

    ::testing::internal::CaptureStderr();
    vm->explain_failure();
    vm->explain_failure();
    const std::string said = ::testing::internal::GetCapturedStderr();
    EXPECT_TRUE(
        said.starts_with("<3>qemunit-helper: never ready: no console line matched 'login: "
                         "*$'; the last lines were:\n<3>qemunit-helper: | line 5\n"))
        << said;
    EXPECT_EQ(std::ranges::count(said, '\n'), 7);
}

TEST(ReadinessTest, AnEmptyConsole) {
    Told vm(Awaited{Awaited::Thing::agent, ""});
    vm->take_answer_of_qemu("7.2.22");
    EXPECT_EQ(vm->explanation(),
              Lines{"never ready: the guest agent did not answer; the console is empty"});
    vm->take_answer_of_agent();
    EXPECT_EQ(vm->explanation(), Lines{});
}

TEST(ReadinessTest, LongLinesAreCut) {
    Told vm("x");
    vm->take_answer_of_qemu("7.2.22");
    std::string line = "a";
    for (int i = 0; i < 8000; ++i)
        line += "ü";
    vm->take_line(line);
    EXPECT_EQ(vm->explanation().back(), "| " + line.substr(0, 299) + "…");
}

TEST(ReadinessTest, ABrokenExpression) {
    const auto created = Readiness::create({Awaited::Thing::console_line, "("}, {});
    ASSERT_FALSE(created);
    EXPECT_EQ(created.error().message, "--ready=serial:(: Unmatched ( or \\(");
}

TEST(ReadinessTest, TheGuestsOwnWord) {
    Told vm{Awaited{Awaited::Thing::notify, "", 42}};
    EXPECT_TRUE(vm->wants_lines());
    vm->take_answer_of_qemu("7.2.22");
    vm->take_status_of_guest("half way there");
    vm->take_answer_of_agent();
    EXPECT_FALSE(vm->is_ready());
    vm->take_ready_of_guest();
    EXPECT_TRUE(vm->is_ready());
    vm->take_status("Paused");
    vm->take_status_of_guest("");
    EXPECT_EQ(vm.notices,
              (Lines{"STATUS=Started, waiting for the guest's READY=1",
                     "STATUS=Started, waiting for the guest's READY=1; guest: half way there",
                     "READY=1\nSTATUS=Running, QEMU 7.2.22; guest: half way there",
                     "STATUS=Paused; guest: half way there", "STATUS=Paused"}));
}

TEST(ReadinessTest, WhatTheGuestSaysDoesNotOutliveIt) {
    Told vm{Awaited{}};
    vm->take_status_of_guest("up");
    vm->take_answer_of_qemu("7.2.22");
    vm->take_status("Ended: the guest powered off");
    EXPECT_EQ(vm.notices, (Lines{"READY=1\nSTATUS=Running, QEMU 7.2.22; guest: up",
                                 "STATUS=Ended: the guest powered off"}));
}

TEST(ReadinessTest, AGuestThatDoesNotSayThatItIsUp) {
    Told vm{Awaited{Awaited::Thing::notify, "", 42}};
    vm->take_answer_of_qemu("7.2.22");
    EXPECT_EQ(vm->explanation(),
              Lines{"never ready: the guest said nothing by vsock, for which it needs systemd 254 "
                    "and a virtio-vsock driver; the console is empty"});
    vm->take_status_of_guest("half way there");
    vm->take_line("oops");
    EXPECT_EQ(
        vm->explanation(),
        (Lines{"never ready: the guest did not say READY=1; the last lines were:", "| oops"}));
}

}  // namespace
}  // namespace qemunit::helper
