// SPDX-License-Identifier: MIT
#include "bus/hotplug/processor_slots.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>

#include "common/qmp/qmp_client.h"
#include "common/shared_names.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// CpuInstanceProperties of qapi/machine.json, from the outside inwards.
constexpr std::array kParts = {"node-id",    "socket-id", "die-id",
                               "cluster-id", "core-id",   "thread-id"};

std::vector<uint64_t> order(const json &place) {
    std::vector<uint64_t> numbers;
    for (const char *part : kParts) {
        const json number = place.value(part, json());
        numbers.push_back(number.is_number_unsigned() ? number.get<uint64_t>() : 0);
    }
    return numbers;
}

}  // namespace

std::vector<ProcessorSlot> processor_slots(const json &list) {
    std::vector<ProcessorSlot> slots;
    if (!list.is_array())
        return slots;
    for (const json &entry : list) {
        const json place = entry.is_object() ? entry.value("props", json()) : json();
        if (!place.is_object())
            continue;
        ProcessorSlot slot;
        slot.driver = string_at(entry, "type");
        slot.place = place;
        const json count = entry.value("vcpus-count", json());
        slot.count = count.is_number_unsigned() ? count.get<uint64_t>() : 1;
        slot.id = kHotProcessorIds;
        for (std::size_t part = 1; part < kParts.size(); ++part)
            if (const json number = place.value(kParts[part], json()); number.is_number())
                slot.id += (slot.id.ends_with('-') ? "" : "-") + number.dump();
        const std::string path = string_at(entry, "qom-path");
        slot.is_taken = !path.empty();
        slot.is_ours = path.ends_with("/" + slot.id);
        slots.push_back(std::move(slot));
    }
    std::ranges::sort(slots, {}, [](const ProcessorSlot &slot) { return order(slot.place); });
    return slots;
}

std::expected<ProcessorChange, std::string> processor_change(
    const std::vector<ProcessorSlot> &slots, uint64_t wanted, const std::string &vm) {
    uint64_t now = 0, most = 0, least = 0;
    for (const ProcessorSlot &slot : slots) {
        most += slot.count;
        now += slot.is_taken ? slot.count : 0;
        least += slot.is_taken && !slot.is_ours ? slot.count : 0;
    }
    if (wanted > most)
        return std::unexpected(fmt::format(
            "VM '{}' has {} processors and room for {}; Maximum= in [CPU] of its ini gives it more "
            "room at the next start",
            vm, now, most));
    if (wanted < least)
        return std::unexpected(fmt::format(
            "VM '{}' was started with {} processors, which stay until it ends", vm, least));
    ProcessorChange change;
    for (const ProcessorSlot &slot : slots)
        if (!slot.is_taken && now + slot.count <= wanted) {
            change.plugged.push_back(slot);
            now += slot.count;
        }
    for (const ProcessorSlot &slot : slots | std::views::reverse)
        if (slot.is_ours && now >= wanted + slot.count) {
            change.unplugged.push_back(slot);
            now -= slot.count;
        }
    if (now != wanted)
        return std::unexpected(
            fmt::format("VM '{}' takes processors by {} at a time, and cannot have {}", vm,
                        slots.front().count, wanted));
    return change;
}

json processor_arguments(const ProcessorSlot &slot) {
    json arguments = slot.place;
    arguments["driver"] = slot.driver;
    arguments["id"] = slot.id;
    return arguments;
}

}  // namespace qemunit::bus
