// SPDX-License-Identifier: MIT
//
// A guest that is saved because somebody has asked for that: what systemd and the caller are told,
// and what becomes of a guest that cannot be saved.
#include <algorithm>
#include <filesystem>

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

}  // namespace
}  // namespace qemunit::helper
