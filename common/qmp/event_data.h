// SPDX-License-Identifier: MIT
//
// What QEMU says with an event, for a sentence. Pure. Whatever QEMU sends, these texts are short,
// printable ASCII without a newline: such a text ends no field of a journal entry and begins none.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace qemunit {

// `text` as JSON writes a string: names and errors of QEMU are plain ASCII and stay as they are,
// anything else becomes an escape. What is longer than `at_most` is cut, and ends with "...".
std::string plain_text(std::string_view text, std::size_t at_most);

// "" if `data` has no such string.
std::string plain_text_at(const nlohmann::json &data, const char *key);

bool flag_at(const nlohmann::json &data, const char *key);

// `name`, or "(unnamed)" where QEMU gave none.
std::string or_unnamed(const std::string &name);

// The drive that the event is about. A drive of an ini file has its section's name.
std::string drive_at(const nlohmann::json &data);

}  // namespace qemunit
