// SPDX-License-Identifier: MIT
//
// A program in a terminal, and the person at it: keys go in, what is on the screen is text.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"
#include "tests/e2e/deadline.h"

namespace qemunit::e2e {

class Terminal {
  public:
    explicit Terminal(const std::vector<std::string> &command);
    ~Terminal();
    Terminal(const Terminal &) = delete;
    Terminal &operator=(const Terminal &) = delete;

    void type(std::string_view keys);
    // All that came up to and including `text`.
    Result<std::string> read_until(std::string_view text, Deadline deadline = Deadline());
    // The exit status, as run() has it; what was still said is in rest().
    int wait(Deadline deadline = Deadline());
    const std::string &rest() const { return received_; }
    pid_t pid() const { return pid_; }
    // Whether it echoes and edits lines, as a shell leaves it.
    bool is_cooked() const;
    // Until it does, or does not. No event tells of that.
    bool wait_until_cooked(bool cooked = true, Deadline deadline = Deadline()) const;

  private:
    bool receive(const Deadline &deadline);

    UniqueFd master_;
    UniqueFd slave_;  // so that its settings outlive the program
    pid_t pid_ = -1;
    std::string received_;
};

}  // namespace qemunit::e2e
