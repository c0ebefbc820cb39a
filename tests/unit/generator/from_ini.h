// SPDX-License-Identifier: MIT
//
// Ini texts -> a VM and what was said about them, without a file.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "generator/check/checks.h"
#include "generator/read/configure.h"
#include "generator/read/ini.h"
#include "generator/vm/diagnostic.h"
#include "generator/vm/vm.h"

namespace qemunit::testing {

using namespace generator;

using Texts = std::vector<std::string>;

// "error: vm1.ini:3: …", one a diagnostic.
inline Texts texts(const Diagnostics &diagnostics) {
    Texts result;
    for (const Diagnostic &d : diagnostics)
        result.push_back((d.severity == Severity::error ? "error: " : "warning: ") + to_string(d));
    return result;
}

struct FromIni {
    Vm vm;
    Texts said;
};

// Path and text of each file, the VM's own first.
using IniTexts = std::vector<std::pair<std::string, std::string>>;

inline FromIni from_files(const IniTexts &sources, Architecture host = Architecture::x86_64,
                          const std::string &name = "vm1", const Paths &paths = {}) {
    Diagnostics diagnostics;
    std::vector<IniFile> files;
    for (const auto &[path, text] : sources)
        files.push_back(parse_ini(path, text, diagnostics));
    Vm vm = configure(name, files, paths, diagnostics);
    check_vm(vm, host, diagnostics);
    return {std::move(vm), texts(diagnostics)};
}

inline FromIni from_ini(const std::string &text, Architecture host = Architecture::x86_64) {
    return from_files({{"vm1.ini", text}}, host);
}

// Of an ini text about which nothing is said.
inline Vm vm_of(const std::string &ini) {
    auto [vm, said] = from_ini(ini);
    EXPECT_EQ(said, Texts{}) << ini;
    return vm;
}

// What is said about an ini text; what it would be if it were one error.
inline Texts said(const std::string &text) {
    return from_ini(text).said;
}
inline Texts error(unsigned line, const std::string &message) {
    return {"error: vm1.ini:" + std::to_string(line) + ": " + message};
}
inline Texts warning(unsigned line, const std::string &message) {
    return {"warning: vm1.ini:" + std::to_string(line) + ": " + message};
}

// Of the user joe, as user_paths() makes it.
inline Paths paths_of_joe() {
    return {.scope = Scope::user,
            .config = "/home/joe/.config",
            .runtime = "/run/user/1000",
            .state = {kSpecifier, 'S'}};
}

inline FromIni from_ini_of_joe(const std::string &text) {
    return from_files({{"vm1.ini", text}}, Architecture::x86_64, "vm1", paths_of_joe());
}

}  // namespace qemunit::testing
