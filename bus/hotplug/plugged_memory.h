// SPDX-License-Identifier: MIT
//
// Memory that is plugged into a running machine, in QEMU's words. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace qemunit::bus {

// What Linux takes at a time on x86 (memory_block_size_bytes()), and QEMU's machines can place.
inline constexpr uint64_t kMemoryStep = uint64_t{128} << 20;

// How much of it the VM can have; none if QEMU does not say (`machine_memory`: the property
// "memory" of /machine, since QEMU 7.1).
std::optional<uint64_t> most_memory(const nlohmann::json &machine_memory);

// Why the memory cannot grow from `now` to `wanted`, for people; "" if it can.
std::string growth_fault(uint64_t now, uint64_t wanted, std::optional<uint64_t> most,
                         const std::string &vm);

// The next one that is not among `objects` (qom-list of /objects).
std::string next_memory_id(const nlohmann::json &objects);

// For object-add: as the guest's other memory, `main`, is ({"qom-type": …, "share": …}).
nlohmann::json memory_arguments(const std::string &id, uint64_t bytes, nlohmann::json main);

}  // namespace qemunit::bus
