// SPDX-License-Identifier: MIT
#include "bus/monitor/event_waits.h"

#include <gtest/gtest.h>

#include "tests/unit/fake_qemu.h"

namespace qemunit::bus {
namespace {

class EventWaitsTest : public ::testing::Test {
  protected:
    uint64_t wait_for(const std::string &name, uint64_t time = 60 * kSecond) {
        return waits_.wait([name](const QmpEvent &event) { return event.name == name; },
                           monotonic_now(loop_.get()) + time,
                           [this](VmMonitor::Reply reply) {
                               ends_.push_back(reply ? reply->dump() : reply.error().message);
                           });
    }

    testing::EventLoop loop_;
    EventWaits waits_{loop_.get()};
    std::vector<std::string> ends_;
};

TEST_F(EventWaitsTest, EndWithTheirEvent) {
    wait_for("STOP");
    wait_for("STOP");
    EXPECT_FALSE(waits_.take_event({"RESUME", 0, {}}));
    EXPECT_TRUE(waits_.take_event({"STOP", 0, {{"a", 1}}}));
    EXPECT_FALSE(waits_.take_event({"STOP", 0, {}}));
    EXPECT_EQ(ends_, (std::vector<std::string>{"{\"a\":1}", "{\"a\":1}"}));
}

TEST_F(EventWaitsTest, EndInAnyCase) {
    wait_for("STOP", 0);
    EXPECT_TRUE(loop_.run_until([this] { return !ends_.empty(); }));
    wait_for("STOP");
    waits_.fail_all("it is gone");
    EXPECT_EQ(ends_, (std::vector<std::string>{"", "it is gone"}));
    waits_.cancel(wait_for("STOP"));
    waits_.fail_all("again");
    EXPECT_EQ(ends_.size(), 2u);
}

}  // namespace
}  // namespace qemunit::bus
