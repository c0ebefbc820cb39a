// SPDX-License-Identifier: MIT
#include "bus/monitor/statistics.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <utility>

#include "bus/monitor/drive_devices.h"
#include "common/file_label.h"
#include "common/qmp/qmp_client.h"
#include "common/vm_name.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// Those of BlockDeviceStats (qapi/block-core.json of QEMU) that count from the start of QEMU.
constexpr std::array kCounters = {
    "rd_bytes",
    "wr_bytes",
    "unmap_bytes",
    "rd_operations",
    "wr_operations",
    "flush_operations",
    "unmap_operations",
    "failed_rd_operations",
    "failed_wr_operations",
    "failed_flush_operations",
    "failed_unmap_operations",
    "rd_total_time_ns",
    "wr_total_time_ns",
    "flush_total_time_ns",
    "unmap_total_time_ns",
};

// In ns: from a drive that has the block in its cache to one that hangs.
constexpr std::array<uint64_t, 10> kLatencyBounds = {
    100'000,    500'000,     1'000'000,   5'000'000,     10'000'000,
    50'000'000, 100'000'000, 500'000'000, 1'000'000'000, 5'000'000'000};
constexpr std::array<std::pair<const char *, const char *>, 3> kLatencyKinds = {
    {{"read", "rd_latency_histogram"},
     {"write", "wr_latency_histogram"},
     {"flush", "flush_latency_histogram"}}};

// A guest that has taken QEMU over may invent drives, processors, and jobs.
constexpr std::size_t kDrivesMax = 256;
constexpr std::size_t kThreadsMax = 1024;
constexpr std::size_t kJobsMax = 64;

// More than a PC has slots for. Each is a handful of files to read.
constexpr std::size_t kNetworksMax = 64;

// dev_valid_name() in net/core/dev.c of Linux.
bool is_interface_name(std::string_view name) {
    return !name.empty() && name.size() < 16 && name != "." && name != ".." &&
           name.find_first_of(std::string_view("/: \t\n\v\f\r\0", 9)) == name.npos;
}

std::optional<uint64_t> number_at(const json &object, const char *key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    if (found == object.end() || !found->is_number_unsigned())
        return std::nullopt;
    return found->get<uint64_t>();
}

// With our bounds, or none.
std::optional<Latencies> latencies_at(const json &stats, const char *histogram) {
    const auto found = stats.is_object() ? stats.find(histogram) : stats.end();
    if (!stats.is_object() || found == stats.end() || !found->is_object())
        return std::nullopt;
    const auto bounds = found->find("boundaries"), bins = found->find("bins");
    if (bounds == found->end() || bins == found->end() || *bounds != json(kLatencyBounds) ||
        !bins->is_array() || bins->size() != kLatencyBounds.size() + 1)
        return std::nullopt;
    Latencies latencies;
    for (std::size_t i = 0; i < bins->size(); ++i) {
        if (!(*bins)[i].is_number_unsigned())
            return std::nullopt;
        latencies.emplace_back(i < kLatencyBounds.size() ? kLatencyBounds[i] : UINT64_MAX,
                               (*bins)[i].get<uint64_t>());
    }
    return latencies;
}

// With whatever bounds: others than ours are somebody else's, who would lose what was counted.
bool has_latencies(const json &stats) {
    return std::ranges::any_of(kLatencyKinds, [&stats](const auto &kind) {
        return stats.is_object() && stats.contains(kind.second);
    });
}

}  // namespace

uint64_t memory_bytes(const json &summary) {
    return number_at(summary, "base-memory").value_or(0) +
           number_at(summary, "plugged-memory").value_or(0);
}

std::optional<uint64_t> balloon_bytes(const json &balloon) {
    return number_at(balloon, "actual");
}

std::map<std::string, Counters> drive_counters(const json &blockstats) {
    std::map<std::string, Counters> drives;
    if (!blockstats.is_array())
        return drives;
    for (const json &device : blockstats) {
        const std::string name = device.is_object() ? drive_name(device) : "";
        const auto stats = name.empty() ? device.end() : device.find("stats");
        if (name.empty() || stats == device.end() || drives.size() >= kDrivesMax)
            continue;
        Counters &counters = drives[name];
        for (const char *counter : kCounters)
            if (const auto number = number_at(*stats, counter))
                counters[counter] = *number;
    }
    return drives;
}

std::map<std::string, std::map<std::string, Latencies>> drive_latencies(const json &blockstats) {
    std::map<std::string, std::map<std::string, Latencies>> drives;
    if (!blockstats.is_array())
        return drives;
    for (const json &device : blockstats) {
        const std::string name = device.is_object() ? drive_name(device) : "";
        if (name.empty() || !device.contains("stats") || drives.size() >= kDrivesMax)
            continue;
        for (const auto &[kind, histogram] : kLatencyKinds)
            if (auto latencies = latencies_at(device["stats"], histogram))
                drives[name][kind] = std::move(*latencies);
    }
    return drives;
}

std::vector<std::string> devices_without_latencies(const json &blockstats) {
    std::vector<std::string> devices;
    if (!blockstats.is_array())
        return devices;
    for (const json &device : blockstats) {
        if (!device.is_object() || drive_name(device).empty() || !device.contains("stats") ||
            has_latencies(device["stats"]) || devices.size() >= kDrivesMax)
            continue;
        if (std::string qdev = string_at(device, "qdev"); !qdev.empty())
            devices.push_back(std::move(qdev));
    }
    return devices;
}

json count_latencies_of(const std::string &device) {
    return {{"id", device}, {"boundaries", kLatencyBounds}};
}

std::vector<uint32_t> cpu_threads(const json &cpus) {
    std::vector<uint32_t> threads;
    if (!cpus.is_array())
        return threads;
    for (const json &cpu : cpus)
        if (const auto id = number_at(cpu, "thread-id");
            id && *id <= INT32_MAX && threads.size() < kThreadsMax &&
            std::ranges::find(threads, *id) == threads.end())
            threads.push_back(static_cast<uint32_t>(*id));
    return threads;
}

std::vector<QemuJob> jobs_under_way(const json &jobs) {
    std::vector<QemuJob> found;
    if (!jobs.is_array())
        return found;
    for (const json &job : jobs)
        if (found.size() < kJobsMax)
            found.push_back({string_at(job, "id"), string_at(job, "type"), string_at(job, "status"),
                             number_at(job, "current-progress").value_or(0),
                             number_at(job, "total-progress").value_or(0)});
    return found;
}

// " \ lan: index=0,type=tap,ifname=vmtap0,script=no,downscript=no" (print_net_client() in
// net/net.c, net_init_tap_one() in net/tap.c).
std::map<std::string, std::string> tap_interfaces(std::string_view info_network) {
    constexpr std::string_view kTap = ",type=tap,ifname=";
    std::map<std::string, std::string> interfaces;
    while (!info_network.empty() && interfaces.size() < kNetworksMax) {
        const std::size_t end = std::min(info_network.find('\n'), info_network.size() - 1);
        std::string_view line = info_network.substr(0, end);
        info_network.remove_prefix(end + 1);
        line.remove_prefix(std::min(line.find_first_not_of(" \\"), line.size()));
        const std::size_t colon = line.find(": index=");
        const std::size_t tap = line.find(kTap);
        if (colon == line.npos || tap == line.npos || !is_device_name(line.substr(0, colon)))
            continue;
        std::string_view name = line.substr(tap + kTap.size());
        // A name may hold a comma.
        name = name.substr(0, name.find(",script="));
        if (is_interface_name(name))
            interfaces.emplace(line.substr(0, colon), name);
    }
    return interfaces;
}

std::map<std::string, std::string> open_tap_interfaces(const json &fdsets) {
    std::map<std::string, std::string> interfaces;
    if (!fdsets.is_array())
        return interfaces;
    for (const json &set : fdsets) {
        const auto fds = set.is_object() ? set.find("fds") : set.end();
        if (!set.is_object() || fds == set.end() || !fds->is_array())
            continue;
        for (const json &fd : *fds) {
            const std::string label = string_at(fd, "opaque");
            if (!label.starts_with(kTapLabels) || interfaces.size() >= kNetworksMax)
                continue;
            const std::size_t colon = label.find(':', kTapLabels.size());
            const std::string network = label.substr(kTapLabels.size(), colon - kTapLabels.size());
            const std::string interface = colon == label.npos ? "" : label.substr(colon + 1);
            if (is_device_name(network) && is_interface_name(interface))
                interfaces.emplace(network, interface);
        }
    }
    return interfaces;
}

Counters network_counters(const std::string &folder) {
    constexpr std::array<const char *, 4> kCounted = {"bytes", "packets", "errors", "dropped"};
    Counters counters;
    for (const std::string counter : kCounted)
        for (const auto &[guest, host] : {std::pair("rx_", "tx_"), std::pair("tx_", "rx_")}) {
            uint64_t number = 0;
            if (std::ifstream(folder + "/" + host + counter) >> number)
                counters[guest + counter] = number;
        }
    return counters;
}

}  // namespace qemunit::bus
