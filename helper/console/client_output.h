// SPDX-License-Identifier: MIT
//
// The queue of what one client of a serial port has still to be sent. The queue is bounded, and
// sending never waits: a person whose terminal does not read misses something, and is told so when
// it reads again. A program that does not read is hung up on, since programs need each byte.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "helper/console/console_history.h"

namespace qemunit::helper {

class ClientOutput {
  public:
    // `fd`: the client's, which outlives this object. `history`: of the console, or nullptr if the
    // client is a program.
    ClientOutput(int fd, const ConsoleHistory *history) : fd_(fd), history_(history) {}

    // False if the client is a program that has not read for too long. The history has got `bytes`
    // before.
    [[nodiscard]] bool send(std::string_view bytes);
    // What was there before the client came, first of all.
    [[nodiscard]] bool send_history();
    // As much as the client has room for.
    void flush();

    // The client has been sent everything, or has left.
    bool is_empty() const { return queue_.empty(); }
    // Whether the client has taken anything since the last call.
    bool has_progressed() { return std::exchange(progressed_, false); }

  private:
    const int fd_;
    const ConsoleHistory *const history_;
    std::string queue_;
    std::size_t missed_ = 0;  // bytes after those in the queue
    bool progressed_ = false;
};

}  // namespace qemunit::helper
