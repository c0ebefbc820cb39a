// SPDX-License-Identifier: MIT
//
// What one client of a serial port has still to be sent. It never waits, and it is bounded: a
// client that does not read misses something, and is told so as soon as it reads again. A program
// cannot live with that, and is hung up on instead.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "helper/console/console_history.h"

namespace qemunit::helper {

class ClientOutput {
  public:
    // `fd`: the client's, which has to live as long. `history`: of the console, or nullptr if the
    // client is a program.
    ClientOutput(int fd, const ConsoleHistory *history) : fd_(fd), history_(history) {}

    // False: it is a program that has not read for too long. What the history has already holds
    // `bytes`.
    [[nodiscard]] bool send(std::string_view bytes);
    // As much as the client has room for.
    void flush();

    // It has been sent everything, or does not want it.
    bool is_empty() const { return queue_.empty(); }
    // Whether it has taken anything since that was last asked.
    bool has_progressed() { return std::exchange(progressed_, false); }

  private:
    const int fd_;
    const ConsoleHistory *const history_;
    std::string queue_;
    std::size_t missed_ = 0;  // bytes after those in the queue
    bool progressed_ = false;
};

}  // namespace qemunit::helper
