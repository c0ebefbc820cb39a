// SPDX-License-Identifier: MIT
#include "generator/check/findings.h"

#include <fmt/format.h>

namespace qemunit::generator {

void Takers::take(const std::string &value, const std::string &section, std::string_view key,
                  std::string_view what, Findings &findings) {
    const auto [it, is_new] = sections_.try_emplace(value, section);
    if (!is_new)
        findings.error(section, key,
                       fmt::format("{} {} is taken by section [{}].", what, value, it->second));
}

}  // namespace qemunit::generator
