// SPDX-License-Identifier: MIT
//
// Where the history that a console sends to a new client ends, and what the guest prints from now
// on begins. A descriptor comes with the history, and the kernel joins no bytes that have one with
// those behind them (unix(7)); whoever reads as usual does not notice, and gets no descriptor. The
// companion sends, `qemunitctl expect` receives.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string_view>

namespace qemunit {

// As send(2), never waiting, of a few thousand bytes as the first on a connection.
ssize_t send_as_history(int fd, std::string_view bytes);

struct Received {
    ssize_t size = 0;  // as of read(2), with errno
    bool is_history = false;
};
// `size`: of a buffer that has room for all of a history. Takes no descriptors from anybody.
Received receive_from_console(int fd, char *buffer, std::size_t size);

}  // namespace qemunit
