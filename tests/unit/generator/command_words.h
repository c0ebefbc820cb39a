// SPDX-License-Identifier: MIT
//
// An ini text -> the words of QEMU's command line, and what stands behind some of them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "generator/qemu/arguments.h"
#include "tests/unit/generator/from_ini.h"

namespace qemunit::testing {

using namespace generator;

inline Texts arguments(const std::string &ini, Architecture host = Architecture::x86_64) {
    const auto [vm, said] = from_ini(ini, host);
    EXPECT_EQ(said, Texts{}) << ini;
    return qemu_arguments(vm, host);
}

// What follows each of the options named, in order: "-device VGA".
inline Texts options(const Texts &words, const Texts &names) {
    Texts found;
    for (std::size_t i = 0; i + 1 < words.size(); ++i)
        if (std::ranges::find(names, words[i]) != names.end())
            found.push_back(words[i] + " " + words[i + 1]);
    return found;
}

inline Texts options(const std::string &ini, const Texts &names) {
    return options(arguments(ini), names);
}

inline Texts devices(const std::string &ini) {
    return options(ini, {"-device"});
}

}  // namespace qemunit::testing
