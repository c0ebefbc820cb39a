// SPDX-License-Identifier: MIT
//
// Cases of `qemunitctl import` as a person reads them: "## name", what somebody has in one fence,
// the ini file in another one, and "Lost: …" lines.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace qemunit::ctl {

struct ImportCase {
    std::string name, input, ini;
    std::vector<std::string> lost, changed;
};

inline std::vector<ImportCase> import_cases(const std::string &file) {
    std::vector<ImportCase> cases;
    std::ifstream stream(std::string(QEMUNIT_SOURCE_DIR "/tests/unit/ctl/import/") + file);
    std::string *fence = nullptr;
    for (std::string line; std::getline(stream, line);) {
        if (line.starts_with("```")) {
            fence = fence ? nullptr : line == "```ini" ? &cases.back().ini : &cases.back().input;
        } else if (fence) {
            *fence += line + "\n";
        } else if (line.starts_with("## ")) {
            cases.emplace_back().name = line.substr(3);
        } else if (line.starts_with("Lost: ")) {
            cases.back().lost.push_back(line.substr(6));
        } else if (line.starts_with("Changed: ")) {
            cases.back().changed.push_back(line.substr(9));
        }
    }
    for (ImportCase &one : cases)
        std::ranges::sort(one.lost);
    return cases;
}

// An ini without its order: sections, each with its lines; Arguments= as options with their values.
inline std::map<std::string, std::vector<std::string>> ini_lines(const std::string &ini) {
    std::map<std::string, std::vector<std::string>> sections;
    std::string section;
    std::istringstream stream(ini);
    for (std::string line; std::getline(stream, line);) {
        if (line.empty() || line.starts_with('#'))
            continue;
        if (line.starts_with('[')) {
            section = line;
            sections[section];
        } else if (line.starts_with("Arguments=")) {
            std::istringstream words(line.substr(10));
            std::string option;
            for (std::string word; words >> word;) {
                if (word.starts_with('-') && !option.empty())
                    sections[section].push_back("Arguments=" + std::exchange(option, ""));
                option += (option.empty() ? "" : " ") + word;
            }
            sections[section].push_back("Arguments=" + option);
        } else {
            sections[section].push_back(line);
        }
    }
    for (auto &[title, lines] : sections)
        std::ranges::sort(lines);
    return sections;
}

inline std::string joined(const std::map<std::string, std::vector<std::string>> &sections) {
    std::string text;
    for (const auto &[title, lines] : sections) {
        text += title + "\n";
        for (const std::string &line : lines)
            text += "  " + line + "\n";
    }
    return text;
}

}  // namespace qemunit::ctl
