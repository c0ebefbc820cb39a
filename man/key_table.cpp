// SPDX-License-Identifier: MIT
//
// Prints the list of all keys for the head of qemunit.ini(5), for scdoc(5), from the table of keys.
// CMakeLists.txt here runs this when the page is made; nobody installs it. It reads nothing.
#include <fmt/format.h>

#include <string>

#include "generator/read/schema.h"

namespace {

using qemunit::generator::KeyRow;
using qemunit::generator::SectionRow;

// What scdoc(5) would take for a mark.
std::string escaped(std::string_view text) {
    std::string result;
    for (const char c : text) {
        if (c == '_' || c == '*' || c == '\\')
            result += '\\';
        result += c;
    }
    return result;
}

void print_section(const SectionRow &section) {
    const bool is_device = section.kind == SectionRow::Kind::device;
    fmt::print("## [{}{}]\n\n", section.name, is_device ? " NAME" : "");
    bool is_first = true;  // whose columns the others inherit
    for (const KeyRow &row : qemunit::generator::keys()) {
        if (row.section != section.name)
            continue;
        fmt::print("|{} *{}=*\n:{} {} ({}; {})\n", is_first ? '[' : ' ', row.key,
                   is_first ? '<' : ' ', escaped(row.help), escaped(row.default_value), row.since);
        is_first = false;
    }
    fmt::print("\n");
}

}  // namespace

int main() {
    fmt::print("@part keys\n");
    for (const SectionRow &section : qemunit::generator::sections())
        if (section.kind != SectionRow::Kind::pass_through)
            print_section(section);
}
