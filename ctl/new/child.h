// SPDX-License-Identifier: MIT
//
// A program that qemunitctl runs and reads: its standard output line by line, its standard error at
// the end. For `new` and `images`. One that says nothing for a long time is ended.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/files/account.h"
#include "common/result.h"

namespace qemunit::ctl {

struct EndedChild {
    int status = -1;     // of its exit; -1 if a signal ended it
    std::string output;  // as much as a screenful of each
    std::string errors;
};

// What is not as usual of a child.
struct ChildSetting {
    // How long it may say nothing. A downloader tells five times in a second how far it is; to
    // check a large image takes a while.
    int silent_ms = 600'000;
    // How long it may take in all; 0: any time.
    int total_ms = 0;
    // Its reading of `input` shows that it works, not what it says.
    bool has_no_silence = false;
    std::vector<int> fds = {};            // beside its standard streams, by the same numbers
    std::optional<Account> account = {};  // whose rights it has
};

// `input`: a descriptor for its standard input; -1: nothing.
Result<EndedChild> run_child(std::vector<std::string> command,
                             const std::function<void(std::string_view line)> &on_line = {},
                             int input = -1, const ChildSetting &setting = {});

}  // namespace qemunit::ctl
