// SPDX-License-Identifier: MIT
//
// A guest that is saved because somebody has asked for that: what systemd and the caller are told,
// and what becomes of a guest that cannot be saved.
#include <fcntl.h>

#include <algorithm>
#include <filesystem>

#include "helper/lifecycle/state_header.h"
#include "tests/unit/helper/companion/companion_fixture.h"

namespace qemunit::helper {
namespace {

using testing::Peer;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

class HibernatingTest : public CompanionTest {
  protected:
    HibernatingTest() {
        stop_mode = StopMode::hibernate;  // the machine is one that can be saved
        takes_requests = true;
    }
    void begin() {
        start();
        ASSERT_TRUE(qemu.greet(loop));
        EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22");
        answer_hardware();
    }
    void ask_to_hibernate() {
        caller = Peer::connect(folder / "companion.sock");
        said.clear();
        caller.write("{\"execute\":\"hibernate\",\"id\":2}\n");
        EXPECT_EQ(told(), "STATUS=Saving the machine's state");
    }
    bool caller_hears(const std::string &text) {
        return loop.run_until(
            [&] {
                said += caller.read();
                return said.find(text) != said.npos;
            },
            60s);
    }
    // Until QEMU migrates.
    void answer_until_it_migrates() {
        answer("query-migrate", "{}");
        answer("query-named-block-nodes", "[]");
        answer_hardware();
        answer("query-memory-size-summary", "{}");
        for (const char *command :
             {"getfd", "migrate-set-capabilities", "migrate-set-parameters", "stop", "migrate"})
            answer(command, "{}");
    }
    void answer_with_error(const std::string &command) {
        ASSERT_TRUE(loop.run_until([&] { return qemu.has_heard("\"" + command + "\""); }, 60s));
        qemu.say(R"({"error":{"class":"GenericError","desc":"not now"},"id":)" +
                 std::to_string(++answered) + "}");
        qemu.forget();
    }
    bool is_saved_as_paused() const {
        const UniqueFd file(open(state_file().c_str(), O_RDONLY | O_CLOEXEC));
        const auto header = read_state_header(file.get());
        return header && header->paused;
    }
    void complete() {
        qemu.say(R"({"event":"MIGRATION","data":{"status":"completed"}})");
        answer_hardware();
        EXPECT_EQ(told(), "STOPPING=1");
        EXPECT_EQ(told(), "STATUS=Stopping: the machine's state is saved");
    }

    Peer caller;
    std::string said;
};

// systemd ends a QEMU that hangs then; the caller hears at once that the guest is saved.
TEST_F(HibernatingTest, AQemuThatDoesNotQuitHoldsNobody) {
    stop_timeout_usec = 2'000'000;
    fs::create_directory(folder / "state");
    begin();
    ask_to_hibernate();
    answer("query-status", R"({"status":"running"})");
    answer_until_it_migrates();
    complete();
    EXPECT_TRUE(loop.run_until([&] { return qemu.has_heard("\"quit\""); }, 60s));
    EXPECT_TRUE(caller_hears("\"return\"")) << said;
    EXPECT_TRUE(fs::exists(state_file()));
    EXPECT_NE(std::ranges::find(granted, "EXTEND_TIMEOUT_USEC=2000000"), granted.end());
}

// QEMU lets the guest run only when the migration has come to its end.
TEST_F(HibernatingTest, TheGuestIsLetRunAsOftenAsItTakes) {
    fs::create_directory(folder / "state");
    begin();
    ask_to_hibernate();
    answer("query-status", R"({"status":"running"})");
    answer_until_it_migrates();
    qemu.say(R"({"event":"MIGRATION","data":{"status":"failed"}})");
    answer_hardware();
    answer("query-migrate", R"({"status":"failed","error-desc":"No space left"})");
    answer("query-status", R"({"status":"finish-migrate"})");
    answer("query-status", R"({"status":"paused"})");
    answer_with_error("cont");
    answer("query-status", R"({"status":"postmigrate"})");
    answer_with_error("cont");
    answer("query-status", R"({"status":"paused"})");
    EXPECT_EQ(said, "");
    answer("cont", "{}");
    EXPECT_TRUE(caller_hears("No space left")) << said;
    EXPECT_FALSE(fs::exists(state_file()));
    EXPECT_EQ(told(), "STATUS=Running, QEMU 7.2.22");
}

// The companion before this one had not looked yet whether somebody has paused the guest.
TEST_F(HibernatingTest, TheNextOneLeavesAPausedGuestPaused) {
    takeovers = 1;
    left = {.takeovers = 1, .qemu_answered = true, .is_ready = true, .is_hibernating = true};
    start();
    greet_next();
    answer("query-status", R"({"status":"paused"})");
    for (const char *command : {"query-block", "query-fdsets", "qom-list", "qom-list"})
        answer(command, "[]");
    answer("query-status", R"({"status":"paused"})");
    answer("query-migrate", R"({"blocked-reasons":["because"]})");
    EXPECT_EQ(told(), "READY=1\nSTATUS=Running, QEMU 7.2.22");
    EXPECT_EQ(told(), "STATUS=Saving the machine's state");
    EXPECT_EQ(told(), "STATUS=Running, QEMU 7.2.22");
    answer("query-status", R"({"status":"paused"})");
    EXPECT_EQ(told(), "STATUS=Paused");
    EXPECT_FALSE(qemu.has_heard("\"cont\""));
}

// Nor does anything of a save that has failed count for the next one.
TEST_F(HibernatingTest, EachSaveBeginsAnew) {
    fs::create_directory(folder / "state");
    takeovers = 1;
    left = {.takeovers = 1,
            .qemu_answered = true,
            .is_ready = true,
            .is_saving = true,
            .is_hibernating = true};
    start();
    greet_next();
    answer("query-status", R"({"status":"running"})");
    answer_hardware();
    answer("query-status", R"({"status":"running"})");
    answer("query-migrate", "{}");
    answer("query-migrate", R"({"blocked-reasons":["because"]})");
    // It may have stopped the guest.
    answer("query-status", R"({"status":"running"})");
    told();
    told();
    told();
    answer("query-status", R"({"status":"running"})");
    ask_to_hibernate();
    answer("query-status", R"({"status":"paused"})");
    answer_until_it_migrates();
    complete();
    EXPECT_TRUE(is_saved_as_paused());
}

}  // namespace
}  // namespace qemunit::helper
