// SPDX-License-Identifier: MIT
//
// Keys of a terminal: bytes in, keys out, those that send escape sequences too. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qemunit::ctl {

struct TopKey {
    enum class Kind {
        character,
        up,
        down,
        page_up,
        page_down,
        home,
        end,
        enter,
        erase,
        escape,
        other
    };
    Kind kind = Kind::other;
    char character = 0;
    bool operator==(const TopKey &) const = default;
};

// All keys of `bytes`. What belongs to a sequence that is not whole stays in `bytes`; if nothing
// follows it, it was the Escape key: `is_all`.
std::vector<TopKey> take_keys(std::string &bytes, bool is_all);

}  // namespace qemunit::ctl
