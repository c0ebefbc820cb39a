// SPDX-License-Identifier: MIT
//
// Names of QEMU's machines: "q35" is another version of itself with each QEMU. Pure.
#pragma once

#include <string_view>

namespace qemunit {

// Whether "q35" may be "pc-q35-7.2".
inline bool is_version_of(std::string_view machine, std::string_view alias) {
    const std::size_t dash = machine.rfind('-');
    if (dash == machine.npos || dash + 1 == machine.size() ||
        machine.find_first_not_of("0123456789.", dash + 1) != machine.npos)
        return false;
    const std::string_view base = machine.substr(0, dash);
    return base == alias || (alias == "q35" && base == "pc-q35") ||
           (alias == "pc" && base == "pc-i440fx");
}

}  // namespace qemunit
