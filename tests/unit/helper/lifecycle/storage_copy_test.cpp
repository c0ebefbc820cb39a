// SPDX-License-Identifier: MIT
//
// The copy of a disk, with the test as QEMU: what a job's end means, and what is left behind.
#include "helper/lifecycle/storage_copy.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <optional>

#include "tests/unit/fake_qemu.h"
#include "tests/unit/helper/console/listeners.h"

namespace qemunit::helper {
namespace {

using namespace std::chrono_literals;

constexpr char kEmptyList[] = R"("return":[])";
constexpr char kReady[] =
    R"("return":[{"id":"qemunit-copy-data","type":"mirror","status":"ready","current-progress":8,)"
    R"("total-progress":8}])";

class StorageCopyTest : public ::testing::Test {
  protected:
    StorageCopyTest() {
        testing::SocketPair pair;
        qemu = testing::FakeQemu(std::move(pair.other));
        auto created = QmpClient::create(loop.get(), std::move(pair.one),
                                         {.ready = [] {},
                                          .event = [](const QmpEvent &) {},
                                          .closed =
                                              [](const std::string &) {
                                              }});
        EXPECT_TRUE(created);
        client = std::move(*created);
        copy.emplace(loop.get(), *client, getpid(), 60 * kSecond);
        EXPECT_TRUE(qemu.greet(loop));
        EXPECT_TRUE(loop.run_until([this] { return client->is_ready(); }));
        qemu.forget();
    }
    void answer_until(const std::string &last, const std::string &value = R"("return":{})") {
        ASSERT_TRUE(qemu.answer_until(loop, last, value, 10s)) << last;
    }
    void begin() {
        testing::SocketPair way;
        remote = testing::FakeQemu(std::move(way.other));
        std::vector<DriveCopy> copies;
        copies.push_back({"data", std::move(way.one)});
        copy->begin(std::move(copies), 1000,
                    {.progressed = [] {},
                     .ready = [this] { is_ready = true; },
                     .failed =
                         [this](const std::string &why) {
                             failure = why;
                         }});
        answer_until("query-jobs", kEmptyList);
        answer_until("query-named-block-nodes", kEmptyList);
        loop.settle();
        EXPECT_FALSE(qemu.has_heard("blockdev-add"));  // QEMU would wait for the greeting
        remote.say_raw("NBDMAGIC");
        answer_until("blockdev-add");
        answer_until("blockdev-mirror");
    }
    void become_ready() {
        begin();
        answer_until("query-jobs", kReady);
        ASSERT_TRUE(loop.run_until([this] { return is_ready; }, 10s));
    }
    void finish() {
        copy->finish([this](Result<> ended) { result = ended; });
        answer_until("block-job-cancel");
    }
    static std::string ended(const std::string &error = "") {
        return R"("return":[{"id":"qemunit-copy-data","type":"mirror","status":"concluded")" +
               (error.empty() ? "" : R"(,"error":")" + error + "\"") + "}]";
    }

    testing::EventLoop loop;
    testing::FakeQemu qemu, remote;
    std::unique_ptr<QmpClient> client;
    std::optional<StorageCopy> copy;
    bool is_ready = false;
    std::optional<std::string> failure;
    std::optional<Result<>> result;
};

TEST_F(StorageCopyTest, IsDoneWhenTheJobHasEndedWell) {
    become_ready();
    EXPECT_TRUE(qemu.has_heard(R"("sync":"full")"));
    EXPECT_TRUE(qemu.has_heard(R"("speed":1000)"));
    EXPECT_EQ(copy->copied(), 8u);
    // The last of it is not held back.
    EXPECT_TRUE(loop.run_until([this] { return qemu.has_heard(R"("speed":0)"); }, 10s));
    finish();
    EXPECT_TRUE(qemu.has_heard(R"("force":false)"));
    answer_until("query-jobs", kReady);
    loop.settle();
    EXPECT_FALSE(result);
    answer_until("query-jobs", ended());
    answer_until("job-dismiss");
    answer_until("query-named-block-nodes",
                 R"("return":[{"node-name":"qemunit-copy-data"},{"node-name":"other"}])");
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 10s));
    EXPECT_TRUE(*result);
    EXPECT_FALSE(copy->is_under_way());
    EXPECT_TRUE(loop.run_until([this] { return qemu.has_heard("blockdev-del"); }, 10s));
    EXPECT_FALSE(qemu.has_heard(R"({"node-name":"other"})"));
}

TEST_F(StorageCopyTest, AWriteThatFailsAtTheEndIsAnError) {
    become_ready();
    finish();
    answer_until("query-jobs", ended("Input/output error"));
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 10s));
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().message, "[Drive data] could not be copied: Input/output error");
}

// A list in which it is missing does not say that all was copied.
TEST_F(StorageCopyTest, AJobThatIsGoneIsAnError) {
    become_ready();
    finish();
    answer_until("query-jobs", kEmptyList);
    ASSERT_TRUE(loop.run_until([this] { return result.has_value(); }, 10s));
    ASSERT_FALSE(*result);
    EXPECT_EQ(result->error().message,
              "[Drive data] could not be copied: it was ended by somebody else");
}

TEST_F(StorageCopyTest, AFullDiskOfTheTargetIsSaid) {
    begin();
    answer_until("query-jobs", ended("No space left on device"));
    ASSERT_TRUE(loop.run_until([this] { return failure.has_value(); }, 10s));
    EXPECT_EQ(*failure, "[Drive data] could not be copied: No space left on device");
    EXPECT_FALSE(is_ready);
}

TEST_F(StorageCopyTest, AConnectionThatEndsIsAFailureAlsoWhenAllIsReady) {
    become_ready();
    remote.hang_up();
    ASSERT_TRUE(loop.run_until([this] { return failure.has_value(); }, 10s));
    EXPECT_EQ(*failure, "[Drive data]: the connection of the disks has ended");
}

// Of a companion that was killed, too.
TEST_F(StorageCopyTest, WhatIsLeftIsTakenAway) {
    copy->abort();
    answer_until("query-jobs",
                 R"("return":[{"id":"qemunit-copy-data","status":"running"},{"id":"x"}])");
    answer_until("job-cancel");
    answer_until("query-jobs", ended("Operation canceled"));
    answer_until("job-dismiss");
    answer_until("query-jobs", R"("return":[{"id":"x"}])");
    answer_until("query-named-block-nodes", R"("return":[{"node-name":"qemunit-copy-data"}])");
    answer_until("blockdev-del");
    EXPECT_FALSE(qemu.has_heard(R"({"id":"x"})"));
}

TEST_F(StorageCopyTest, OfferedConnectionsAreOfOneMove) {
    OfferedCopies offered(loop.get());
    const std::string a(32, 'a'), b(32, 'b');
    testing::SocketPair one, other;
    ASSERT_TRUE(offered.add({{"token", a}, {"drive", "root"}}, std::move(one.one)));
    ASSERT_TRUE(offered.add({{"token", b}, {"drive", "data"}}, std::move(other.one)));
    EXPECT_TRUE(offered.take(a).empty());
    ASSERT_TRUE(offered.add({{"token", b}, {"drive", "data"}}, std::move(other.other)));
    EXPECT_EQ(offered.take(b).size(), 1u);
    EXPECT_TRUE(offered.take(b).empty());
    EXPECT_FALSE(offered.add({{"token", a}, {"drive", "../x"}}, std::move(one.other)));
    EXPECT_FALSE(offered.add({{"token", a}, {"drive", "root"}}, {}));
}

}  // namespace
}  // namespace qemunit::helper
