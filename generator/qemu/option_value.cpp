// SPDX-License-Identifier: MIT
#include "generator/qemu/option_value.h"

namespace qemunit::generator {

void add_with_doubled_commas(std::string &text, std::string_view value) {
    for (std::size_t comma; (comma = value.find(',')) != value.npos;) {
        text.append(value.substr(0, comma + 1)) += ',';
        value.remove_prefix(comma + 1);
    }
    text += value;
}

std::string double_commas(std::string_view value) {
    std::string text;
    add_with_doubled_commas(text, value);
    return text;
}

}  // namespace qemunit::generator
