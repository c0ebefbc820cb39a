// SPDX-License-Identifier: MIT
//
// Another process, for what can only be seen from outside: a program of ours as its
// users run it, or a piece of it that changes the process it runs in.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace qemunit::testing {

struct ProgramOptions {
    std::vector<std::string> environment;  // NAME=VALUE; nothing is inherited
    std::string input = "/dev/null";       // the file that is standard input
    std::size_t address_space = 0;         // bytes at most; 0: as many as it likes
    bool unprivileged = false;             // as nobody, if we are root
};

struct ProgramResult {
    int exit_code = -1;  // 128 and the signal's number if a signal ended it
    std::string output;
    std::string errors;
};

// The first word is the program's path. Ends when the program and everything that it
// left running have closed their standard output and error.
ProgramResult run_program(std::vector<std::string> command, const ProgramOptions &options = {});

// Runs `body` in a child process. False if an assertion failed in there.
bool holds_in_child(const std::function<void()> &body);

}  // namespace qemunit::testing
