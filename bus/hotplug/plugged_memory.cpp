// SPDX-License-Identifier: MIT
#include "bus/hotplug/plugged_memory.h"

#include <fmt/format.h>

#include "bus/monitor/hot_drive.h"
#include "common/shared_names.h"

namespace qemunit::bus {

using nlohmann::json;

std::optional<uint64_t> most_memory(const json &machine_memory) {
    const json most =
        machine_memory.is_object() ? machine_memory.value("max-size", json()) : json();
    return most.is_number_unsigned() ? std::optional(most.get<uint64_t>()) : std::nullopt;
}

std::string growth_fault(uint64_t now, uint64_t wanted, std::optional<uint64_t> most,
                         const std::string &vm) {
    if (most && wanted > *most)
        return fmt::format(
            "VM '{}' has {} bytes of memory and room for {}; Maximum= in [Memory] of its ini gives "
            "it more room at the next start",
            vm, now, *most);
    if (const uint64_t missing = wanted - now; missing % kMemoryStep)
        return fmt::format(
            "VM '{}' has {} bytes of memory, and more comes by {} bytes at a time: {}, or {}", vm,
            now, kMemoryStep, wanted - missing % kMemoryStep,
            wanted - missing % kMemoryStep + kMemoryStep);
    return {};
}

std::string next_memory_id(const json &objects) {
    const auto present = qom_children(objects);
    for (unsigned number = 1;; ++number)
        if (std::string id = fmt::format("{}{}", kHotMemoryIds, number); !present.contains(id))
            return id;
}

json memory_arguments(const std::string &id, uint64_t bytes, json main) {
    main["id"] = id;
    main["size"] = bytes;
    return main;
}

}  // namespace qemunit::bus
