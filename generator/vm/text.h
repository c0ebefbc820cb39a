// SPDX-License-Identifier: MIT
//
// Small questions about text that the parsers ask: white space, bytes that have no place
// in a configuration, how to show a text in a message.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace qemunit::generator {

// Without the spaces and tabs around it.
std::string_view trim(std::string_view text);

// Words between spaces and tabs; no quotes.
std::vector<std::string> split_words(std::string_view text);

// "", or what is wrong with it: "Control character 0x1b", "Invalid UTF-8".
// Tab is no fault. NUL, newline, escape and the like can stand in no unit file as they are.
std::string text_fault(std::string_view text);

// As systemd has it: without noncharacters.
bool is_utf8(std::string_view text);

// Whether systemd would take the next line of a unit file for a continuation of this one:
// an odd number of backslashes at the end (systemd.syntax(7)).
bool continues_line(std::string_view text);

// Whether the path lies in the folder; the folder itself does not.
bool is_below(std::string_view path, std::string_view folder);

// At most some 60 characters of it, then "…"; never half a character.
std::string shorten(std::string_view text);

// With "?" for every byte that is not plain printable ASCII or part of valid UTF-8.
std::string printable(std::string_view text);

}  // namespace qemunit::generator
