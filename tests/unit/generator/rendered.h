// SPDX-License-Identifier: MIT
//
// The units of a VM that an ini file describes, as text: for tests of what render() makes of a key.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "generator/units/render.h"
#include "tests/unit/generator/from_ini.h"

namespace qemunit::testing {

inline Output output_of(const std::string &ini) {
    const auto [vm, said] = from_ini(ini);
    EXPECT_EQ(said, Texts{}) << ini;
    return render(vm, Architecture::x86_64);
}

// The text of a file, "" if there is none.
inline std::string file(const Output &output, const std::string &path) {
    const auto it = std::ranges::find(output.files, path, &OutputFile::path);
    return it == output.files.end() ? "" : it->content;
}

inline std::string service(const std::string &ini) {
    return file(output_of(ini), "qemu@vm1.service.d/50-qemunit.conf");
}

// The lines that begin so.
inline Texts lines(std::string_view text, const Texts &begins) {
    Texts found;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        const std::string_view line = text.substr(0, end);
        if (std::ranges::any_of(begins, [&](const auto &begin) { return line.starts_with(begin); }))
            found.emplace_back(line);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return found;
}

}  // namespace qemunit::testing
