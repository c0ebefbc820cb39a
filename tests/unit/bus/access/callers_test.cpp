// SPDX-License-Identifier: MIT
#include "bus/access/callers.h"

#include <gtest/gtest.h>

#include <vector>

namespace qemunit::bus {
namespace {

constexpr uint32_t kBert = 1000, kAnna = 1001;

std::size_t memory = 0;
std::size_t memory_in_use() {
    return memory;
}

class CallersTest : public ::testing::Test {
  protected:
    CallersTest() { memory = 0; }

    // Whether that user's call on that connection may stay; it does.
    bool call(const std::string &name, uint32_t uid, bool is_trusted = false) {
        auto open = callers.open(name);
        if (!open || !callers.identify(*open, uid, is_trusted))
            return false;
        calls.push_back(std::move(*open));
        return true;
    }

    Callers callers{memory_in_use};
    std::vector<OpenCall> calls;
};

TEST_F(CallersTest, AUsersCallsAreBoundedOverAllConnections) {
    for (unsigned i = 0; i < Callers::kMaxOfUser; ++i)
        EXPECT_TRUE(call(":1." + std::to_string(i), kBert)) << i;
    EXPECT_FALSE(call(":1.1", kBert));
    EXPECT_FALSE(call(":1.999", kBert));
    EXPECT_TRUE(call(":1.1000", kAnna));
    EXPECT_TRUE(call(":1.1001", 0, /*is_trusted=*/true));
    calls.pop_back();
    calls.pop_back();
    calls.pop_back();
    EXPECT_TRUE(call(":1.1", kBert));
}

TEST_F(CallersTest, SoAreThoseOfAConnectionOfWhichNoUserIsKnownYet) {
    for (unsigned i = 0; i < Callers::kMaxOfUser; ++i) {
        auto open = callers.open(":1.1");
        ASSERT_TRUE(open) << i;
        calls.push_back(std::move(*open));
    }
    EXPECT_FALSE(callers.open(":1.1"));
    EXPECT_TRUE(callers.open(":1.2"));
}

TEST_F(CallersTest, AllTogetherAreBoundedAndRootIsNot) {
    for (uint32_t uid = 1; call(":" + std::to_string(uid), uid); ++uid)
        ASSERT_LE(uid, Callers::kMax);
    EXPECT_EQ(calls.size(), Callers::kMax);
    callers.leave(":1");
    EXPECT_FALSE(call(":1.1", kAnna));
    // Of whom the user is known already: nothing has to be asked meanwhile.
    calls.clear();
    EXPECT_TRUE(call(":1.2", 0, /*is_trusted=*/true));
    for (uint32_t uid = 1; call(":" + std::to_string(uid), uid);)
        ++uid;
    EXPECT_TRUE(call(":1.2", 0, /*is_trusted=*/true));
}

TEST_F(CallersTest, WhoHasOneOpenGetsNoOtherWhenMemoryIsTight) {
    EXPECT_TRUE(call(":1.1", kBert));
    memory = Callers::kTightBytes;
    EXPECT_FALSE(call(":1.1", kBert));
    EXPECT_FALSE(call(":1.2", kBert));
    EXPECT_TRUE(call(":1.3", kAnna));
    EXPECT_FALSE(call(":1.3", kAnna));
    memory = Callers::kMaxBytes;
    EXPECT_FALSE(call(":1.4", 1002));
    EXPECT_TRUE(callers.open(":1.3"));  // it is known who that is
    calls.clear();
    memory = Callers::kTightBytes - 1;
    EXPECT_TRUE(call(":1.1", kBert));
}

TEST_F(CallersTest, TheUserOfAConnectionIsKnownUntilItLeaves) {
    EXPECT_TRUE(call(":1.1", kBert));
    EXPECT_EQ(callers.open(":1.1")->caller()->uid, kBert);
    EXPECT_FALSE(calls.front().has_left());
    callers.leave(":1.1");
    EXPECT_TRUE(calls.front().has_left());
    EXPECT_EQ(callers.open(":1.1")->caller()->uid, std::nullopt);
    EXPECT_FALSE(callers.open(":1.1")->has_left());
    EXPECT_FALSE(OpenCall().has_left());
}

TEST(BytesInUseTest, AGreatBlockShows) {
    const std::size_t before = bytes_in_use();
    if (before == 0)
        GTEST_SKIP() << "another malloc()";
    const std::string block(32u << 20, 'x');
    EXPECT_GE(bytes_in_use(), before + block.size());
}

}  // namespace
}  // namespace qemunit::bus
