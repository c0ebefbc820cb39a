// SPDX-License-Identifier: MIT
//
// The places of a machine for processors, as QEMU lists them (query-hotpluggable-cpus). Pure.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace qemunit::bus {

struct ProcessorSlot {
    std::string id;      // that of the device that comes there: "qemunit-cpu-0-0-1-0"
    std::string driver;  // "max-x86_64-cpu"
    nlohmann::json place;
    uint64_t count = 1;  // of processors in the slot
    bool is_taken = false;
    bool is_ours = false;  // one that was plugged in, and can go
};

// In the order in which the guest counts them; those of the start come first.
std::vector<ProcessorSlot> processor_slots(const nlohmann::json &list);

struct ProcessorChange {
    std::vector<ProcessorSlot> plugged, unplugged;  // in their order
};

// What makes them `wanted`, or why that cannot be, for people.
std::expected<ProcessorChange, std::string> processor_change(
    const std::vector<ProcessorSlot> &slots, uint64_t wanted, const std::string &vm);

// For device_add.
nlohmann::json processor_arguments(const ProcessorSlot &slot);

}  // namespace qemunit::bus
