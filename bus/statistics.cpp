// SPDX-License-Identifier: MIT
#include "bus/statistics.h"

#include <array>
#include <string_view>

#include "bus/hot_drive.h"
#include "common/qmp_client.h"

namespace qemunit {

using nlohmann::json;

namespace {

// Those of BlockDeviceStats (qapi/block-core.json of QEMU) that count from the start of QEMU.
constexpr std::array<const char *, 8> kCounters = {"rd_bytes",
                                                   "wr_bytes",
                                                   "rd_operations",
                                                   "wr_operations",
                                                   "flush_operations",
                                                   "failed_rd_operations",
                                                   "failed_wr_operations",
                                                   "failed_flush_operations"};

std::optional<uint64_t> number_at(const json &object, const char *key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    if (found == object.end() || !found->is_number_unsigned())
        return std::nullopt;
    return found->get<uint64_t>();
}

// Of a drive of the ini, "device"; of one that was attached, the device in "qdev":
// "/machine/peripheral/ID/virtio-backend".
std::string drive_name(const json &device) {
    if (std::string name = string_at(device, "device"); !name.empty())
        return name.starts_with("pflash") ? "" : name;  // the firmware's
    constexpr std::string_view kPeripheral = "/machine/peripheral/";
    const std::string qdev = string_at(device, "qdev");
    if (!qdev.starts_with(kPeripheral))
        return {};
    return hot_drive_name(std::string_view(qdev)
                              .substr(kPeripheral.size())
                              .substr(0, qdev.find('/', kPeripheral.size()) - kPeripheral.size()));
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
        if (name.empty() || stats == device.end())
            continue;
        Counters &counters = drives[name];
        for (const char *counter : kCounters)
            if (const auto number = number_at(*stats, counter))
                counters[counter] = *number;
    }
    return drives;
}

}  // namespace qemunit
