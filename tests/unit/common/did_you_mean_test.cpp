// SPDX-License-Identifier: MIT
#include "common/did_you_mean.h"

#include <gtest/gtest.h>

namespace qemunit {
namespace {

constexpr std::string_view kKeys[] = {"Memory", "CPU", "CPUs", "Machine", "Accelerator"};

TEST(DidYouMeanTest, TheClosestCandidateIsMeant) {
    EXPECT_EQ(closest("Memroy", kKeys), "Memory");
    EXPECT_EQ(closest("memory", kKeys), "Memory");
    EXPECT_EQ(closest("MEMORY", kKeys), "Memory");
    EXPECT_EQ(closest("Memor", kKeys), "Memory");
    EXPECT_EQ(closest("Memoryy", kKeys), "Memory");
    EXPECT_EQ(closest("Accelarator", kKeys), "Accelerator");
    EXPECT_EQ(closest("cpus", kKeys), "CPUs");
    EXPECT_EQ(closest("cpu", kKeys), "CPU");
    EXPECT_EQ(closest("Memory", kKeys), "Memory");
}

TEST(DidYouMeanTest, NothingIsMeantByWhatIsFarFromAll) {
    EXPECT_EQ(closest("Bananas", kKeys), "");
    EXPECT_EQ(closest("RAM", kKeys), "");
    EXPECT_EQ(closest("", kKeys), "");
    EXPECT_EQ(closest("Memory", {}), "");
    EXPECT_EQ(closest(std::string(1000, 'M'), kKeys), "");
}

TEST(DidYouMeanTest, OneWrongLetterIsForgivenInTheShortestWord) {
    constexpr std::string_view kNames[] = {"vm", "web1"};
    EXPECT_EQ(closest("wm", kNames), "vm");
    EXPECT_EQ(closest("xy", kNames), "");
}

TEST(DidYouMeanTest, TwoLettersThatChangedPlacesAreOneFault) {
    constexpr std::string_view kNames[] = {"web", "db"};
    EXPECT_EQ(closest("wbe", kNames), "web");
    EXPECT_EQ(closest("ewb", kNames), "web");
    EXPECT_EQ(closest("bd", kNames), "db");
    EXPECT_EQ(closest("bew", kNames), "");
}

TEST(DidYouMeanTest, DidYouMeanIsASentenceOrNothing) {
    EXPECT_EQ(did_you_mean("Memroy", kKeys), " Did you mean 'Memory'?");
    EXPECT_EQ(did_you_mean("Bananas", kKeys), "");
}

}  // namespace
}  // namespace qemunit
