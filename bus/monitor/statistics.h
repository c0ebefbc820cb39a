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
#include <utility>
#include <vector>

namespace qemunit::bus {

using Counters = std::map<std::string, uint64_t>;

// How many operations took less than so many ns, and not less than the bound before. The last
// bound is UINT64_MAX.
using Latencies = std::vector<std::pair<uint64_t, uint64_t>>;

struct QemuJob {
    std::string id, type, status;
    uint64_t current = 0, total = 0;
};

struct Statistics {
    std::map<std::string, uint64_t> numbers;   // "Memory" -> bytes
    std::map<std::string, Counters> drives;    // "root" -> "rd_bytes" -> bytes
    std::map<std::string, Counters> networks;  // "lan" -> "rx_bytes" -> bytes
    std::map<std::string, std::map<std::string, Latencies>> latencies;  // "root" -> "read"
    std::vector<uint32_t> cpu_threads;                                  // in the processors' order
    std::vector<QemuJob> jobs;
    Counters events;
};

// Of query-memory-size-summary; 0 if it is none.
uint64_t memory_bytes(const nlohmann::json &summary);

// Of query-balloon.
std::optional<uint64_t> balloon_bytes(const nlohmann::json &balloon);

// Of query-blockstats: the drives of the ini and those that were attached, by their names there.
std::map<std::string, Counters> drive_counters(const nlohmann::json &blockstats);

// QEMU counts how long operations take only where it was told so, device by device. Of the same
// answer: what has been counted between our bounds, and the devices that have to be told.
std::map<std::string, std::map<std::string, Latencies>> drive_latencies(
    const nlohmann::json &blockstats);
std::vector<std::string> devices_without_latencies(const nlohmann::json &blockstats);
// Arguments of block-latency-histogram-set.
nlohmann::json count_latencies_of(const std::string &device);

// Of query-cpus-fast: each once, though several processors may share one (TCG).
std::vector<uint32_t> cpu_threads(const nlohmann::json &cpus);

// Of query-jobs; a bounded number of them.
std::vector<QemuJob> jobs_under_way(const nlohmann::json &jobs);

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
