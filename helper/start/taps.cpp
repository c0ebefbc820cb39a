// SPDX-License-Identifier: MIT
#include "helper/start/taps.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "common/file_label.h"
#include "helper/handover/descriptor_store.h"

namespace qemunit::helper {

namespace {

// Beyond those of images.
constexpr std::size_t kFirstSet = 1000;

// Of "tap,id=lan,ifname=vm1-lan,script=no,downscript=no". A comma in the name is doubled there, as
// in the label's option.
std::string label_of(const std::string &value, std::size_t begin, std::size_t end) {
    constexpr std::string_view kInterface = ",ifname=";
    const std::size_t from = value.find(kInterface, end) + kInterface.size();
    return tap_label(value.substr(begin, end - begin),
                     value.substr(from, value.find(",script=", from) - from));
}

}  // namespace

Taps take_taps(StoredFiles &stored, std::vector<std::string> &qemu) {
    Taps taps;
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
        const int fd = node.mapped().get();
        // QEMU closes what is given to it by -add-fd.
        UniqueFd labelled(fcntl(fd, F_DUPFD_CLOEXEC, 3));
        taps.arguments.insert(taps.arguments.end(),
                              {"-add-fd", fmt::format("fd={},set={},opaque={}", labelled.get(),
                                                      kFirstSet + taps.fds.size() / 2,
                                                      label_of(value, kBegin.size(), end))});
        taps.fds.push_back(std::move(node.mapped()));
        taps.fds.push_back(std::move(labelled));
        value = fmt::format("{},fd={}", value.substr(0, end), fd);
    }
    return taps;
}

}  // namespace qemunit::helper
