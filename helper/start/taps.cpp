// SPDX-License-Identifier: MIT
#include "helper/start/taps.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "helper/handover/descriptor_store.h"

namespace qemunit::helper {

std::vector<UniqueFd> take_taps(StoredFiles &stored, std::vector<std::string> &qemu) {
    std::vector<UniqueFd> taps;
    for (auto option = qemu.begin(); option != qemu.end() && std::next(option) != qemu.end();
         ++option) {
        std::string &value = *std::next(option);
        constexpr std::string_view kBegin = "tap,id=";
        if (*option != "-netdev" || !value.starts_with(kBegin))
            continue;
        const std::size_t end = std::min(value.find(',', kBegin.size()), value.size());
        const std::string name = stored_tap_name(value.substr(kBegin.size(), end - kBegin.size()));
        auto node = stored.extract(name);
        if (node.empty())
            continue;
        (void)remove_stored(name);  // it goes with the unit at the latest
        taps.push_back(std::move(node.mapped()));
        value = fmt::format("{},fd={}", value.substr(0, end), taps.back().get());
    }
    return taps;
}

}  // namespace qemunit::helper
