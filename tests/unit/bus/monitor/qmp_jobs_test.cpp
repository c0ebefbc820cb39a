// SPDX-License-Identifier: MIT
#include "bus/monitor/qmp_jobs.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "bus/monitor/input_queue.h"
#include "tests/unit/fake_qemu.h"

namespace qemunit::bus {
namespace {

using nlohmann::json;
using testing::EventLoop;
using testing::FakeListener;
using testing::FakeQemu;

// A monitor that is connected, with what hangs on it in a Vm.
class QmpJobsTest : public ::testing::Test {
  protected:
    QmpJobsTest() {
        std::string pattern = ::testing::TempDir() + "qmp-jobs-XXXXXX";
        dir = mkdtemp(pattern.data());
        listener = std::make_unique<FakeListener>(dir / "control.sock");
        monitor = std::make_unique<VmMonitor>(
            loop.get(), dir / "control.sock",
            VmMonitor::Callbacks{
                .refreshed = [] {},
                .event = [this](const QmpEvent &event) { jobs->take_event(event); },
                .violated = [](const std::string &) {},
                .lost =
                    [this](const std::string &reason) {
                        jobs->fail_all(reason);
                        input->fail_all(reason);
                    }});
        jobs = std::make_unique<QmpJobs>(loop.get(), *monitor);
        input = std::make_unique<InputQueue>(loop.get(), *monitor);
        monitor->open(true);
        EXPECT_TRUE(loop.run_until([&] {
            qemu = listener->accept();
            return static_cast<bool>(qemu);
        }));
        EXPECT_TRUE(qemu.greet(loop));
        qemu.forget();
        answer("query-status", R"({"status":"running"})");
    }
    ~QmpJobsTest() override { std::filesystem::remove_all(dir); }

    // The next command must be `command`; its arguments.
    json answer(const std::string &command, const std::string &value) {
        json heard;
        EXPECT_TRUE(loop.run_until([&] {
            pending += qemu.heard();
            qemu.forget();
            return pending.find('\n') != std::string::npos;
        })) << command;
        const std::size_t end = std::min(pending.find('\n'), pending.size());
        heard = parse_json(pending.substr(0, end));
        pending.erase(0, end + 1);
        if (!heard.is_object())
            return {};
        EXPECT_EQ(heard["execute"], command);
        qemu.say(R"({"return":)" + value + R"(,"id":)" + heard["id"].dump() + "}");
        return heard["arguments"];
    }
    uint64_t soon() const { return monotonic_now(loop.get()) + 20 * kSecond; }
    VmMonitor::ReplyCallback keep() {
        return [this](VmMonitor::Reply reply) {
            replies.push_back(std::move(reply));
        };
    }
    void add(
        std::deque<InputStep> steps, std::function<bool()> is_wanted = [] { return true; }) {
        input->add(
            [steps]() mutable -> std::optional<InputStep> {
                if (steps.empty())
                    return std::nullopt;
                InputStep step = steps.front();
                steps.pop_front();
                return step;
            },
            std::move(is_wanted), keep());
    }
    bool wait_for_replies(std::size_t n) {
        return loop.run_until([this, n] { return replies.size() >= n; });
    }
    static std::string listed(const std::string &id, const std::string &status,
                              const std::string &more = "") {
        return R"([{"id":")" + id + R"(","status":")" + status + "\"" + more + "}]";
    }

    EventLoop loop;
    std::filesystem::path dir;
    std::unique_ptr<FakeListener> listener;
    std::unique_ptr<VmMonitor> monitor;
    std::unique_ptr<QmpJobs> jobs;
    std::unique_ptr<InputQueue> input;
    FakeQemu qemu;
    std::string pending;
    std::vector<VmMonitor::Reply> replies;
};

TEST_F(QmpJobsTest, AJobIsDoneWhenItsEventSaysSo) {
    jobs->start("snapshot-save", {{"tag", "x"}}, soon(), keep());
    answer("query-jobs", "[]");
    const json arguments = answer("snapshot-save", "{}");
    const std::string id = arguments["job-id"];
    EXPECT_TRUE(id.starts_with("qemunit-"));
    EXPECT_EQ(arguments["tag"], "x");
    answer("query-jobs", listed(id, "running"));
    qemu.say(R"({"event":"JOB_STATUS_CHANGE","data":{"id":")" + id + R"(","status":"concluded"}})");
    EXPECT_TRUE(replies.empty());
    answer("query-jobs", listed(id, "concluded"));
    EXPECT_EQ(answer("job-dismiss", "{}")["id"], id);
    ASSERT_TRUE(wait_for_replies(1));
    EXPECT_TRUE(replies[0]);
}

TEST_F(QmpJobsTest, AFailureIsInQemusWords) {
    jobs->start("snapshot-load", json::object(), soon(), keep());
    answer("query-jobs", "[]");
    const std::string id = answer("snapshot-load", "{}")["job-id"];
    answer("query-jobs", listed(id, "concluded", R"(,"error":"no such thing")"));
    answer("job-dismiss", "{}");
    ASSERT_TRUE(wait_for_replies(1));
    EXPECT_EQ(replies[0].error().kind, QmpError::Kind::monitor);
    EXPECT_EQ(replies[0].error().message, "no such thing");
    EXPECT_EQ(replies[0].error().error_class, QmpJobs::kJobFailed);
}

TEST_F(QmpJobsTest, LeftoversAreDismissedAndOnlyOurs) {
    jobs->start("snapshot-save", json::object(), soon(), keep());
    answer("query-jobs",
           R"([{"id":"qemunit-1","status":"concluded"},{"id":"theirs","status":"concluded"},)"
           R"({"id":"qemunit-2","status":"running"},7])");
    EXPECT_EQ(answer("job-dismiss", "{}")["id"], "qemunit-1");
    answer("snapshot-save", "{}");
}

TEST_F(QmpJobsTest, AJobThatNeverEndsTimesOut) {
    jobs->start("snapshot-save", json::object(), monotonic_now(loop.get()) + 50 * kMillisecond,
                keep());
    answer("query-jobs", "[]");
    answer("snapshot-save", "{}");
    ASSERT_TRUE(wait_for_replies(1));
    EXPECT_EQ(replies[0].error().kind, QmpError::Kind::timeout);
}

TEST_F(QmpJobsTest, AJobEndsWithTheConnection) {
    jobs->start("snapshot-save", json::object(), soon(), keep());
    answer("query-jobs", "[]");
    const std::string id = answer("snapshot-save", "{}")["job-id"];
    answer("query-jobs", listed(id, "running"));
    qemu.hang_up();
    ASSERT_TRUE(wait_for_replies(1));
    EXPECT_EQ(replies[0].error().kind, QmpError::Kind::disconnected);
}

TEST_F(QmpJobsTest, InputGoesStepByStepAndOneAfterTheOther) {
    const auto step = [](const char *key) {
        return InputStep{json::array({key}), 1};
    };
    add({step("a"), step("b")});
    add({step("c")});
    EXPECT_EQ(answer("input-send-event", "{}")["events"], json::array({"a"}));
    EXPECT_EQ(answer("input-send-event", "{}")["events"], json::array({"b"}));
    EXPECT_EQ(answer("input-send-event", "{}")["events"], json::array({"c"}));
    ASSERT_TRUE(wait_for_replies(2));
    EXPECT_TRUE(replies[0] && replies[1]);
    add({});
    ASSERT_TRUE(wait_for_replies(3));
}

TEST_F(QmpJobsTest, InputEndsWithTheConnection) {
    add({{json::array(), 3600 * kSecond}, {json::array(), 1}});
    add({{json::array(), 1}});
    answer("input-send-event", "{}");
    monitor->close("the VM is off");
    ASSERT_EQ(replies.size(), 2u);
    EXPECT_EQ(replies[1].error().message, "the VM is off");
}

TEST_F(QmpJobsTest, InputEndsWhenNobodyWaitsForItWithNoKeyDown) {
    bool is_there = true;
    add({{json::array({"press"}), 1, /*leaves_keys_down=*/true},
         {json::array({"release"}), 1},
         {json::array({"more"}), 1}},
        [&] { return is_there; });
    add({{json::array({"next"}), 1}});
    EXPECT_EQ(answer("input-send-event", "{}")["events"], json::array({"press"}));
    is_there = false;
    EXPECT_EQ(answer("input-send-event", "{}")["events"], json::array({"release"}));
    EXPECT_EQ(answer("input-send-event", "{}")["events"], json::array({"next"}));
    ASSERT_TRUE(wait_for_replies(2));
    EXPECT_FALSE(replies[0]);
    EXPECT_TRUE(replies[1]);
}

}  // namespace
}  // namespace qemunit::bus
