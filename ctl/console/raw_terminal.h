// SPDX-License-Identifier: MIT
//
// The user's terminal while it belongs to the guest: every key goes through, nothing is echoed. The
// destructor gives the terminal back as it was, and so does every end of the program but SIGKILL.
#pragma once

#include <termios.h>

#include "common/result.h"

namespace qemunit::ctl {

class RawTerminal {
  public:
    // `fd` is borrowed.
    static Result<RawTerminal> enter(int fd);
    ~RawTerminal();
    RawTerminal(RawTerminal &&other) noexcept;
    RawTerminal &operator=(RawTerminal &&) = delete;

  private:
    RawTerminal(int fd, const termios &before) : fd_(fd), before_(before) {}

    int fd_;
    termios before_;
};

}  // namespace qemunit::ctl
