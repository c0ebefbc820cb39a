// SPDX-License-Identifier: MIT
//
// What a VM has used up, for GetStatistics: reads QEMU's answers, pure. A number that is not known
// is left out.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace qemunit::bus {

using Counters = std::map<std::string, uint64_t>;

struct Statistics {
    std::map<std::string, uint64_t> numbers;   // "Memory" -> bytes
    std::map<std::string, Counters> drives;    // "root" -> "rd_bytes" -> bytes
    std::map<std::string, Counters> networks;  // "lan" -> "rx_bytes" -> bytes
};

// Of query-memory-size-summary; 0 if it is none.
uint64_t memory_bytes(const nlohmann::json &summary);

// Of query-balloon.
std::optional<uint64_t> balloon_bytes(const nlohmann::json &balloon);

// Of query-blockstats: the drives of the ini and those that were attached, by their names there.
std::map<std::string, Counters> drive_counters(const nlohmann::json &blockstats);

// The interfaces of the host in the output of "info network", by the names of their networks. A
// guest may have taken QEMU over: only valid names of interfaces count, and a bounded number of
// them.
std::map<std::string, std::string> tap_interfaces(std::string_view info_network);
// The same of those that QEMU got open (query-fdsets).
std::map<std::string, std::string> open_tap_interfaces(const nlohmann::json &fdsets);

// What the host has counted for an interface, as the guest sees it: what the host has sent there,
// the guest has received. The files of `folder`, which is its "statistics" in sysfs.
Counters network_counters(const std::string &folder);

}  // namespace qemunit::bus
