// SPDX-License-Identifier: MIT
//
// The table of all sections and keys: what the parser accepts, what "did you mean"
// knows, what the man page must explain. A new key is one row here and one test.
#pragma once

#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "generator/vm/vm.h"

namespace qemunit::generator {

// Gives `value` to the key's field, in the device `device` where the section has one.
// An empty value resets the field. The error completes "Key=value: ".
using Setter = std::expected<void, std::string> (*)(Vm &vm, std::string_view device,
                                                    std::string_view value);

struct SectionRow {
    std::string_view name;
    enum class Kind {
        single,        // [VM]
        device,        // [Drive NAME]
        pass_through,  // [Service]: any key, handed to systemd as written
    } kind;
    // Makes the device exist, for a section without a key. Only where kind is device.
    void (*open)(Vm &vm, std::string_view device) = nullptr;
};

struct KeyRow {
    std::string_view section;
    std::string_view key;
    std::string_view syntax;  // of the value: "SIZE", "yes|no"
    std::string_view default_value;
    std::string_view becomes;  // of QEMU's command line or of the unit
    std::string_view help;     // one line
    std::string_view since;    // the first version that has it
    Setter set;
    bool is_list = false;    // repeats; others: the last one counts
    bool is_secret = false;  // no message shows the value
};

std::span<const SectionRow> sections();
std::span<const KeyRow> keys();

const SectionRow *find_section(std::string_view name);
const KeyRow *find_key(std::string_view section, std::string_view key);

}  // namespace qemunit::generator
