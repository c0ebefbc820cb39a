// SPDX-License-Identifier: MIT
//
// Runs a command as a user would, with what it printed and how it ended.
#pragma once

#include <initializer_list>
#include <ostream>
#include <string>
#include <vector>

#include "tests/e2e/deadline.h"

namespace qemunit::e2e {

struct Finished {
    int status = -1;     // exit status; 128 + N after signal N; -1: not run, or the deadline passed
    std::string output;  // standard output and error, as they came
    std::string command;  // for messages

    bool ok() const { return status == 0; }
    bool says(std::string_view text) const { return output.find(text) != std::string::npos; }
};
std::ostream &operator<<(std::ostream &stream, const Finished &finished);

// `input` goes to standard input, which then ends.
Finished run(const std::vector<std::string> &command, const std::string &input = {},
             Deadline deadline = Deadline());

// "systemctl start qemu@vm1": words without spaces in them.
Finished run_words(const std::string &command_line, Deadline deadline = Deadline());

// The whole file; empty if it cannot be read.
std::string read_file(const std::string &path);
// The same, once it contains `text`, or as it is at the deadline.
std::string wait_for_text(const std::string &path, const std::string &text,
                          Deadline deadline = Deadline());
// Whether it goes, as what a VM leaves behind does a moment after it.
bool wait_until_gone(const std::string &path, Deadline deadline = Deadline());
void write_file(const std::string &path, std::string_view text);

// Without the newline at its end.
std::string trimmed(std::string text);

}  // namespace qemunit::e2e
