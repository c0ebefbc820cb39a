// SPDX-License-Identifier: MIT
#include "ctl/migrate/settling.h"

#include <gtest/gtest.h>

#include "tests/unit/temporary_folder.h"

namespace qemunit::ctl {
namespace {

using Settled = Outcome::Kind;

const Move kAsked{"0123456789abcdef0123456789abcdef", "host1", "vm1"};

class SettlingTest : public ::testing::Test {
  protected:
    Settled ask(const std::string &unit) const {
        return settle(
                   record, kAsked.token, [&] { return Result<std::string>(unit); }, 2)
            .kind;
    }
    Arrival state() const { return record.state(kAsked.token); }

    testing::TemporaryFolder folder;
    const ArrivalRecord record{folder / ""};
};

TEST_F(SettlingTest, WithoutARecordNobodyKnows) {
    for (const char *unit : {"inactive", "failed", "activating", "active"})
        EXPECT_EQ(ask(unit), Settled::unknown) << unit;
    folder.write("file", "");
    EXPECT_EQ(settle(ArrivalRecord(folder / "file"), kAsked.token,
                     [] { return Result<std::string>("inactive"); })
                  .why,
              "the VM's state directory there cannot be read");
}

TEST_F(SettlingTest, WhatIsComingNeverRunsOnceSomebodyHasAsked) {
    ASSERT_TRUE(record.expect(kAsked));
    EXPECT_EQ(ask("activating"), Settled::never_runs);
    EXPECT_EQ(state(), Arrival::refused);
    EXPECT_FALSE(record.take(kAsked.token));
    EXPECT_EQ(ask("inactive"), Settled::never_runs);
}

// Somebody has booted it from its disks.
TEST_F(SettlingTest, AVmThatRunsSaysNotNo) {
    ASSERT_TRUE(record.expect(kAsked));
    EXPECT_EQ(ask("active"), Settled::unknown);
    EXPECT_EQ(ask("active"), Settled::unknown);
}

// That start is over when systemd is asked.
TEST_F(SettlingTest, AVmThatHasRunMeanwhileSaysNotNo) {
    ASSERT_TRUE(record.expect(kAsked));
    int looks = 0;
    const Outcome outcome = settle(record, kAsked.token, [&] {
        if (++looks == 2) {
            EXPECT_TRUE(record.forget_others({}));
        }
        return Result<std::string>("inactive");
    });
    EXPECT_EQ(outcome.kind, Settled::unknown);
    EXPECT_EQ(looks, 2);
}

TEST_F(SettlingTest, WhatWasToldToRunIsWaitedFor) {
    ASSERT_TRUE(record.expect(kAsked));
    ASSERT_TRUE(record.take(kAsked.token));
    EXPECT_EQ(ask("activating"), Settled::unknown);
    EXPECT_EQ(ask("deactivating"), Settled::unknown);
    EXPECT_EQ(state(), Arrival::taken);
    // QEMU does not let it run after all.
    int looks = 0;
    const Outcome outcome = settle(record, kAsked.token, [&] {
        if (++looks == 3) {
            EXPECT_TRUE(record.give_back(kAsked.token));
        }
        return Result<std::string>("activating");
    });
    EXPECT_EQ(outcome.kind, Settled::never_runs);
}

TEST_F(SettlingTest, AYesIsForGood) {
    ASSERT_TRUE(record.expect(kAsked));
    ASSERT_TRUE(record.take(kAsked.token));
    EXPECT_EQ(ask("failed"), Settled::ran);  // crashed, before or after it ran
    EXPECT_EQ(state(), Arrival::runs);
    EXPECT_FALSE(record.give_back(kAsked.token));
    EXPECT_EQ(ask("inactive"), Settled::ran);
    EXPECT_EQ(ask("active"), Settled::ran);
}

TEST_F(SettlingTest, WithoutSystemdNobodyKnows) {
    ASSERT_TRUE(record.expect(kAsked));
    const Outcome outcome =
        settle(record, kAsked.token, []() -> Result<std::string> { return fail(EIO, "no bus"); });
    EXPECT_EQ(outcome.kind, Settled::unknown);
    EXPECT_EQ(outcome.why, "no bus");
    EXPECT_EQ(state(), Arrival::coming);
}

}  // namespace
}  // namespace qemunit::ctl
