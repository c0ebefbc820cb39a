// SPDX-License-Identifier: MIT
#include "common/qmp/event_data.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace qemunit {

using nlohmann::json;

namespace {

constexpr std::size_t kTextMax = 512;  // bytes of one string of QEMU's in a sentence

}  // namespace

std::string plain_text(std::string_view text, std::size_t at_most) {
    std::string written = json(text.substr(0, at_most))
                              .dump(-1, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace);
    written.pop_back();
    written.erase(0, 1);
    if (written.size() <= at_most && text.size() <= at_most)
        return written;
    written.resize(std::min(written.size(), at_most));
    return written + "...";
}

std::string plain_text_at(const json &data, const char *key) {
    const auto it = data.find(key);
    return it != data.end() && it->is_string()
               ? plain_text(it->get_ref<const std::string &>(), kTextMax)
               : std::string();
}

bool flag_at(const json &data, const char *key) {
    const auto it = data.find(key);
    return it != data.end() && it->is_boolean() && it->get<bool>();
}

std::string or_unnamed(const std::string &name) {
    return name.empty() ? "(unnamed)" : name;
}

// `device` is empty for a drive that was added as a -blockdev; its node still has a name.
std::string drive_at(const json &data) {
    for (const char *key : {"id", "device", "node-name"})
        if (std::string name = plain_text_at(data, key); !name.empty())
            return name;
    return or_unnamed({});
}

}  // namespace qemunit
