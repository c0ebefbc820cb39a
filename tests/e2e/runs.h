// SPDX-License-Identifier: MIT
//
// What the tests of `qemunitctl run` share: a kernel, a folder to be in, and that nothing is left.
#pragma once

#include <chrono>
#include <set>
#include <string>

#include "tests/e2e/process.h"

namespace qemunit::e2e {

// An emulated guest with a general kernel boots in 10 s, or in a minute where others do, too.
inline constexpr std::chrono::seconds kRunPatience{300};

// "--kernel=FILE --modules=DIR", where everybody may read them.
std::string kernel_words();

// What is typed behind "qemunitctl run", by a shell, in /srv/run.
class RunFolder {
  public:
    RunFolder();
    ~RunFolder();
    RunFolder(const RunFolder &) = delete;
    RunFolder &operator=(const RunFolder &) = delete;
    Finished run(const std::string &words) const;
    static constexpr char kPath[] = "/srv/run";
};

// Where anything of a VM could be.
std::set<std::string> traces_of_runs();
void expect_no_traces(const std::set<std::string> &before);

// As systemctl lists them; of their networks, too.
std::string units_of_runs();
void expect_no_unit();

}  // namespace qemunit::e2e
