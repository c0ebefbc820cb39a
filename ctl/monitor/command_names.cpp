// SPDX-License-Identifier: MIT
#include "ctl/monitor/command_names.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "common/ascii.h"

namespace qemunit::ctl {

namespace {

bool is_name_char(char c) {
    return is_lower_letter(c) || is_digit(c) || c == '_' || c == '-';
}

}  // namespace

std::vector<std::string> command_names(std::string_view help, std::string_view group) {
    std::set<std::string> names;
    std::istringstream lines{std::string(help)};
    for (std::string line; std::getline(lines, line);) {
        // Lines that go on with the text of the one before are indented.
        std::istringstream words(line);
        std::string word;
        if (line.empty() || !is_name_char(line.front()) || !(words >> word))
            continue;
        if (!group.empty() && (word != group || !(words >> word)))
            continue;
        std::istringstream aliases(word);
        for (std::string name; std::getline(aliases, name, '|');)
            if (!name.empty() && std::ranges::all_of(name, is_name_char))
                names.insert(name);
    }
    return {names.begin(), names.end()};
}

Completion complete(std::string_view prefix, const std::vector<std::string> &names) {
    std::vector<std::string> fitting;
    std::ranges::copy_if(names, std::back_inserter(fitting),
                         [&](const std::string &name) { return name.starts_with(prefix); });
    if (fitting.empty())
        return {};
    std::string common = fitting.front();
    for (const std::string &name : fitting)
        common.resize(
            static_cast<std::size_t>(std::ranges::mismatch(common, name).in1 - common.begin()));
    std::string insert = common.substr(prefix.size());
    if (fitting.size() == 1)
        return {insert + " ", {}};
    if (insert.empty())
        return {{}, fitting};
    return {insert, {}};
}

}  // namespace qemunit::ctl
