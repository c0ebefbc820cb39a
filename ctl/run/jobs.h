// SPDX-License-Identifier: MIT
//
// `run --jobs=N`: a list of commands, each in a VM of its own, some at once. Each is a process of
// this program, as if somebody had called it for the one command.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

// The last 64 KB of what a job says, however much that is. Pure.
class JobOutput {
  public:
    void add(std::string_view piece);
    std::string last() const;

  private:
    std::string text_;
};

// What such a process is called with; `number`: which job it is, from 1 on. Pure.
std::vector<std::string> words_of_job(const Invocation &invocation, std::size_t number,
                                      const std::string &command);

// Reads the list from standard input, and says as TAP how each job has ended. Returns the exit
// status.
Result<int> run_jobs(const Invocation &invocation);

}  // namespace qemunit::ctl
