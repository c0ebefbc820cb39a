// SPDX-License-Identifier: MIT
//
// Which key or section of the ini an option of QEMU's command line comes from, since people have
// written the key and not the option. Called by reload_plan.cpp. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qemunit::ctl {

// One option of QEMU, its value as "KEY=TEXT" parts (util/keyval.c: a comma in a value is two).
struct QemuOption {
    std::string name, value;
    std::vector<std::string> parts;
    bool is_matched = false;

    std::string part(std::string_view key) const;
    std::string text() const { return value.empty() ? name : name + " " + value; }
};

struct IniWord {
    // "CPUs= in [VM]", "[Drive root]"; "" for what other options bring along (a bus for a drive).
    std::string text;
    // Whether the option's value is that of the key, or close to it.
    bool has_value = false;
};
IniWord ini_word(const QemuOption &option);

}  // namespace qemunit::ctl
