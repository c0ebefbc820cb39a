// SPDX-License-Identifier: MIT
#include "generator/option_value.h"

namespace qemunit {

std::string double_commas(std::string_view value) {
    std::string text;
    text.reserve(value.size());
    for (char c : value) {
        text += c;
        if (c == ',')
            text += ',';
    }
    return text;
}

}  // namespace qemunit
