// SPDX-License-Identifier: MIT
//
// Prints the table of keys of ini files as JSON, for the editor of the page. CMakeLists.txt here
// runs this when the page is built; nobody installs it. It reads nothing.
#include <nlohmann/json.hpp>

#include <cstdio>

#include "generator/read/schema.h"

int main() {
    using qemunit::generator::SectionRow;
    auto sections = nlohmann::ordered_json::array(), keys = nlohmann::ordered_json::array();
    for (const SectionRow &section : qemunit::generator::sections())
        sections.push_back(std::string(section.name) +
                           (section.kind == SectionRow::Kind::device ? " NAME" : ""));
    for (const auto &row : qemunit::generator::keys())
        keys.push_back({{"section", row.section},
                        {"key", row.key},
                        {"syntax", row.syntax},
                        {"default", row.default_value},
                        {"help", row.help}});
    const std::string text =
        nlohmann::ordered_json{{"sections", sections}, {"keys", keys}}.dump(1) + "\n";
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
                   std::fflush(stdout) == 0
               ? EXIT_SUCCESS
               : EXIT_FAILURE;
}
