// SPDX-License-Identifier: MIT
//
// A saved state and a guest that runs exclude each other, whoever was killed, and whatever fails:
// every door through which the companion could let a guest run.
#include <filesystem>

#include "tests/unit/helper/companion/companion_fixture.h"

namespace qemunit::helper {
namespace {

using testing::Peer;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

class ResumptionTest : public CompanionTest {
  protected:
    // Until QEMU is asked for its status.
    void begin_to_resume() {
        testing::SocketPair resumption;
        stop_mode = StopMode::hibernate;
        start({}, std::move(resumption.one));
        helper = Peer(std::move(resumption.other));
        ASSERT_TRUE(qemu.greet(loop));
        EXPECT_EQ(told(), "STATUS=Resuming");
    }
    // Until QEMU has the state.
    void begin_to_load() {
        folder.write("state/hibernated", "RAM");
        begin_to_resume();
        answer("query-status", R"({"status":"inmigrate"})");
        answer("query-migrate", "{}");
        for (const char *command : {"getfd", "migrate-set-capabilities", "migrate-incoming"})
            answer(command, "{}");
    }
    // What the helper has been told when QEMU is gone.
    void expect_told_at_the_end(const std::string &steps) {
        qemu.hang_up();
        guest.close();
        agent.close();
        EXPECT_TRUE(loop.run_until([&] { return helper.has_ended(); }, 60s));
        EXPECT_EQ(helper.read(), steps);
        EXPECT_TRUE(fs::exists(state_file()));
    }
    bool hears(const std::string &command) {
        return loop.run_until([&] { return qemu.has_heard("\"" + command + "\""); }, 60s);
    }
    Peer helper;
};

TEST_F(ResumptionTest, TheStateIsGoneBeforeTheGuestRuns) {
    folder.write("state/hibernated", "RAM");
    begin_to_resume();
    answer("query-status", R"({"status":"inmigrate"})");
    answer("query-migrate", "{}");
    answer("getfd", "{}");
    answer("migrate-set-capabilities", "{}");
    answer("migrate-incoming", "{}");
    answer("query-status", R"({"status":"inmigrate"})");
    EXPECT_TRUE(fs::exists(state_file()));
    answer("query-status", R"({"status":"paused"})");
    ASSERT_TRUE(hears("cont"));
    EXPECT_FALSE(fs::exists(state_file()));
    answer("cont", "{}");
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, resumed, QEMU 7.2.22");
    EXPECT_TRUE(loop.run_until([&] { return helper.read() == std::string("\1\2\0", 3); }, 60s));
    EXPECT_EQ(folder.contents().count("state/hibernated.used"), 0u);
}

// The helper sets a state aside that QEMU has refused, and no other.
TEST_F(ResumptionTest, WhatQemuRefusesIsTold) {
    begin_to_load();
    qemu.say(R"({"event":"MIGRATION","data":{"status":"failed"}})");
    expect_told_at_the_end("\1\3");
}

TEST_F(ResumptionTest, AQemuThatWasKilledHasRefusedNothing) {
    begin_to_load();
    expect_told_at_the_end("\1");
}

TEST_F(ResumptionTest, AStateThatCannotBeRetiredStaysAndTheGuestDoesNotRun) {
    nail_state_down();
    begin_to_resume();
    answer("query-status", R"({"status":"paused"})");
    EXPECT_TRUE(hears("quit"));
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
    EXPECT_TRUE(fs::exists(state_file()));
}

// A disk that somebody else has open, say.
TEST_F(ResumptionTest, AGuestThatQemuDoesNotLetRunKeepsItsState) {
    folder.write("state/hibernated", "RAM");
    begin_to_resume();
    answer("query-status", R"({"status":"paused"})");
    ASSERT_TRUE(hears("cont"));
    qemu.say(R"({"error":{"class":"GenericError","desc":"Failed to get \"write\" lock"},"id":2})");
    EXPECT_TRUE(hears("quit"));
    EXPECT_EQ(folder.read("state/hibernated"), "RAM");
}

// "No answer" is neither "it runs" nor "it is saved".
TEST_F(ResumptionTest, WithoutAnAnswerNothingIsDoneToAGuestThatIsToStop) {
    folder.write("state/hibernated", "RAM");
    begin_to_resume();
    ASSERT_TRUE(hears("query-status"));
    qemu.forget();
    ++answered;  // never
    ASSERT_EQ(kill(worker(), kStopSignal), 0);
    EXPECT_EQ(told(), "STATUS=Stopping: saving the machine's state");
    loop.run_for(6s);  // it used to be 5
    for (const char *command : {"cont", "stop", "migrate", "system_powerdown", "quit"})
        EXPECT_FALSE(qemu.has_heard("\"" + std::string(command) + "\"")) << command;
    answer("query-status", R"({"status":"inmigrate"})");
    EXPECT_TRUE(hears("quit"));
    EXPECT_TRUE(fs::exists(state_file()));
}

TEST_F(ResumptionTest, AStopThatComesWhenAllIsLoadedLeavesTheState) {
    folder.write("state/hibernated", "RAM");
    begin_to_resume();
    ASSERT_TRUE(hears("query-status"));
    qemu.forget();
    ++answered;  // never
    ASSERT_EQ(kill(worker(), kStopSignal), 0);
    answer("query-status", R"({"status":"paused"})");
    EXPECT_TRUE(hears("quit"));
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
    EXPECT_TRUE(fs::exists(state_file()));
}

// By a monitor, which nobody can keep from it.
TEST_F(ResumptionTest, AGuestThatSomebodyElseLetRunLosesItsState) {
    folder.write("state/hibernated", "RAM");
    begin_to_resume();
    qemu.say(R"({"event":"RESUME"})");
    EXPECT_TRUE(loop.run_until([&] { return !fs::exists(state_file()); }, 60s));
}

// It was killed when the state had been loaded, and not retired.
TEST_F(ResumptionTest, TheNextOneRetiresTheStateToo) {
    folder.write("state/hibernated", "RAM");
    begin_to_resume();
    kill_worker();
    EXPECT_EQ(told(), "STATUS=Resuming");
    answer("query-status", R"({"status":"paused"})");
    ++answered;  // the one for the status text, unanswered
    ASSERT_TRUE(hears("cont"));
    EXPECT_FALSE(fs::exists(state_file()));
}

// It may have run for a moment in which nobody listened, so that the state is not trusted.
TEST_F(ResumptionTest, TheNextOneThatIsToStopSavesAnew) {
    folder.write("state/hibernated", "RAM");
    stop_mode = StopMode::hibernate;
    takeovers = 1;
    left = {.takeovers = 1, .stop_asked_usec = 1, .qemu_answered = true, .is_saving = true};
    start();
    greet_next();
    answer("query-status", R"({"status":"paused"})");
    ++answered;  // the one for the status text
    answer("query-migrate", R"({"status":"completed"})");
    answer("query-status", R"({"status":"paused"})");
    EXPECT_TRUE(fs::exists(state_file()));
    answer("query-migrate", R"({"status":"completed"})");
    answer("query-named-block-nodes", "[]");
    answer_hardware();
    answer("query-memory-size-summary", "{}");
    ASSERT_TRUE(hears("getfd"));
    EXPECT_FALSE(fs::exists(state_file()));
}

TEST_F(ResumptionTest, AfterAFailedSaveTheGuestDoesNotRunBesideAState) {
    nail_state_down();
    stop_mode = StopMode::hibernate;
    start();
    ASSERT_TRUE(qemu.greet(loop));
    answer_hardware();
    ASSERT_EQ(kill(worker(), kStopSignal), 0);
    answer("query-status", R"({"status":"running"})");
    answer("query-migrate", "{}");
    answer("query-named-block-nodes", "[]");
    answer_hardware();
    answer("query-memory-size-summary", "{}");
    // The save fails, as no state can be retired.
    answer("query-status", R"({"status":"paused"})");
    EXPECT_TRUE(hears("quit"));
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
}

TEST_F(ResumptionTest, AGuestThatWasPausedDoesNotRunBesideAState) {
    nail_state_down();
    start();
    ASSERT_TRUE(qemu.greet(loop));
    ASSERT_EQ(kill(worker(), kStopSignal), 0);
    answer("query-status", R"({"status":"suspended"})");
    EXPECT_TRUE(hears("quit"));
    EXPECT_FALSE(qemu.has_heard("\"system_wakeup\""));
}

}  // namespace
}  // namespace qemunit::helper
