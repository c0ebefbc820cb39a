// SPDX-License-Identifier: MIT
//
// Names: BlockDeviceInfo and BlockIOThrottle of QEMU's qapi/block-core.json.
#include "helper/lifecycle/drive_limits.h"

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "common/qmp/qmp_client.h"

namespace qemunit::helper {

namespace {

using nlohmann::json;

// block_set_io_throttle demands these; the others go with one of them.
constexpr std::array kLimits{"bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr"};

// By the path of its device, or by its name. A drive without an image has no limits.
std::map<std::string, json> limits_in(const json &blocks) {
    std::map<std::string, json> limits;
    if (!blocks.is_array())
        return limits;
    for (const json &block : blocks) {
        const auto inserted = block.is_object() ? block.find("inserted") : block.end();
        if (inserted == block.end() || !inserted->is_object())
            continue;
        const std::string qdev = string_at(block, "qdev");
        json arguments =
            qdev.empty() ? json{{"device", string_at(block, "device")}} : json{{"id", qdev}};
        const std::string drive = json_text(arguments);
        const auto take = [&](const std::string &name, bool is_demanded) {
            const auto limit = inserted->find(name);
            const bool is_there = limit != inserted->end() && limit->is_number_integer();
            if (is_there || is_demanded)
                arguments[name] = is_there ? *limit : json(0);
        };
        for (const std::string name : kLimits) {
            take(name, true);
            take(name + "_max", false);
            take(name + "_max_length", false);
        }
        take("iops_size", false);
        limits.emplace(drive, std::move(arguments));
    }
    return limits;
}

}  // namespace

std::vector<json> changed_limits(const json &wanted, const json &now) {
    const auto there = limits_in(now);
    std::vector<json> changed;
    for (const auto &[drive, arguments] : limits_in(wanted))
        if (const auto found = there.find(drive);
            found != there.end() && found->second != arguments)
            changed.push_back(arguments);
    return changed;
}

}  // namespace qemunit::helper
