// SPDX-License-Identifier: MIT
#include "bus/hotplug/processor_slots.h"

#include <gtest/gtest.h>

#include "common/shared_names.h"

namespace qemunit::bus {
namespace {

using nlohmann::json;

// As QEMU 7.2 lists them for q35: the last one first.
json slot(unsigned core, const std::string &path = "") {
    json entry = {
        {"type", "max-x86_64-cpu"},
        {"vcpus-count", 1u},
        {"props", {{"socket-id", 0u}, {"die-id", 0u}, {"core-id", core}, {"thread-id", 0u}}}};
    if (!path.empty())
        entry["qom-path"] = path;
    return entry;
}
const json kOneOfThree = json::array({slot(2), slot(1), slot(0, "/machine/unattached/device[0]")});

std::string ids(const std::vector<ProcessorSlot> &slots) {
    std::string text;
    for (const ProcessorSlot &each : slots)
        text += each.id.substr(kHotProcessorIds.size()) + " ";
    return text;
}

TEST(ProcessorSlotsTest, AreInTheGuestsOrder) {
    const auto slots = processor_slots(kOneOfThree);
    EXPECT_EQ(ids(slots), "0-0-0-0 0-0-1-0 0-0-2-0 ");
    EXPECT_TRUE(slots[0].is_taken);
    EXPECT_FALSE(slots[0].is_ours);
    EXPECT_FALSE(slots[1].is_taken);
    EXPECT_EQ(processor_arguments(slots[1]), (json{{"driver", "max-x86_64-cpu"},
                                                   {"id", "qemunit-cpu-0-0-1-0"},
                                                   {"socket-id", 0},
                                                   {"die-id", 0},
                                                   {"core-id", 1},
                                                   {"thread-id", 0}}));
}

TEST(ProcessorSlotsTest, ComeInOrderAndGoTheOtherWay) {
    const auto grown = processor_change(processor_slots(kOneOfThree), 3, "vm");
    ASSERT_TRUE(grown);
    EXPECT_EQ(ids(grown->plugged), "0-0-1-0 0-0-2-0 ");
    EXPECT_TRUE(grown->unplugged.empty());
    const auto slots = processor_slots({slot(2, "/machine/peripheral/qemunit-cpu-0-0-2-0"),
                                        slot(1, "/machine/peripheral/qemunit-cpu-0-0-1-0"),
                                        slot(0, "/machine/unattached/device[0]")});
    const auto shrunk = processor_change(slots, 1, "vm");
    ASSERT_TRUE(shrunk);
    EXPECT_EQ(ids(shrunk->unplugged), "0-0-2-0 0-0-1-0 ");
    EXPECT_TRUE(shrunk->plugged.empty());
    const auto same = processor_change(slots, 3, "vm");
    ASSERT_TRUE(same);
    EXPECT_TRUE(same->plugged.empty() && same->unplugged.empty());
}

TEST(ProcessorSlotsTest, WhyThereAreNotSoMany) {
    EXPECT_EQ(processor_change(processor_slots(kOneOfThree), 4, "vm").error(),
              "VM 'vm' has 1 processors and room for 3; Maximum= in [CPU] of its ini gives it more "
              "room at the next start");
    const auto slots = processor_slots(
        {slot(0, "/machine/unattached/device[0]"), slot(1, "/machine/unattached/device[1]")});
    EXPECT_EQ(processor_change(slots, 1, "vm").error(),
              "VM 'vm' was started with 2 processors, which stay until it ends");
    json pair = slot(1);
    pair["vcpus-count"] = 2u;
    EXPECT_EQ(processor_change(processor_slots(json::array({pair})), 1, "vm").error(),
              "VM 'vm' takes processors by 2 at a time, and cannot have 1");
}

TEST(ProcessorSlotsTest, WhatIsNoListHasNone) {
    for (const json &list : {json(), json("x"), json::array({1, "x", json::object()})})
        EXPECT_TRUE(processor_slots(list).empty());
    EXPECT_EQ(processor_change({}, 1, "vm").error(),
              "VM 'vm' has 0 processors and room for 0; Maximum= in [CPU] of its ini gives it more "
              "room at the next start");
}

}  // namespace
}  // namespace qemunit::bus
