// SPDX-License-Identifier: MIT
//
// The text of one ini file -> its sections and assignments, each with its line. Knows
// the syntax, no key. The only part that uses inih. Reads no file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "generator/vm/diagnostic.h"

namespace qemunit::generator {

struct IniEntry {
    std::string section;  // "Drive root": what stands in the brackets
    std::string key;      // empty: this is the section header itself
    std::string value;    // literal, without the white space around it; UTF-8, no control bytes
    unsigned line = 0;
};

struct IniFile {
    std::string path;
    std::vector<IniEntry> entries;
};

// Every fault of the file is reported; a line with a fault yields no entry, and after a
// broken section header nothing does until the next header.
IniFile parse_ini(const std::string &path, std::string_view text, Diagnostics &diagnostics);

}  // namespace qemunit::generator
