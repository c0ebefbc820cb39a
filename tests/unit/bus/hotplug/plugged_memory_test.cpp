// SPDX-License-Identifier: MIT
#include "bus/hotplug/plugged_memory.h"

#include <gtest/gtest.h>

namespace qemunit::bus {
namespace {

using nlohmann::json;

constexpr uint64_t kMiB = 1 << 20;

TEST(PluggedMemoryTest, GrowsInStepsUpToTheMaximum) {
    EXPECT_EQ(growth_fault(256 * kMiB, 512 * kMiB, 1024 * kMiB, "vm"), "");
    EXPECT_EQ(growth_fault(256 * kMiB, 512 * kMiB, std::nullopt, "vm"), "");
    EXPECT_EQ(growth_fault(256 * kMiB, 300 * kMiB, 1024 * kMiB, "vm"),
              "VM 'vm' has 268435456 bytes of memory, and more comes by 134217728 bytes at a time: "
              "268435456, or 402653184");
    EXPECT_EQ(growth_fault(256 * kMiB, 2048 * kMiB, 1024 * kMiB, "vm"),
              "VM 'vm' has 268435456 bytes of memory and room for 1073741824; Maximum= in [Memory] "
              "of its ini gives it more room at the next start");
}

TEST(PluggedMemoryTest, QemuSaysHowMuchThereCanBe) {
    EXPECT_EQ(most_memory({{"size", 1u}, {"max-size", 7u}, {"slots", 2u}}), 7u);
    for (const json &answer : {json(), json("x"), json{{"max-size", "7"}}})
        EXPECT_EQ(most_memory(answer), std::nullopt);
}

TEST(PluggedMemoryTest, IsLikeTheOther) {
    EXPECT_EQ(next_memory_id(json::array()), "qemunit-dimm-1");
    EXPECT_EQ(next_memory_id({{{"name", "qemunit-dimm-1"}, {"type", "child<memory-backend-ram>"}}}),
              "qemunit-dimm-2");
    EXPECT_EQ(
        memory_arguments("a", 5, {{"qom-type", "memory-backend-memfd"}, {"share", true}}),
        (json{{"qom-type", "memory-backend-memfd"}, {"share", true}, {"id", "a"}, {"size", 5}}));
}

}  // namespace
}  // namespace qemunit::bus
