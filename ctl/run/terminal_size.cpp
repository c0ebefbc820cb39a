// SPDX-License-Identifier: MIT
#include "ctl/run/terminal_size.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace qemunit::ctl {

std::string size_of_terminal() {
    winsize size{};
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        return "24 80";
    return fmt::format("{} {}", size.ws_row, size.ws_col);
}

}  // namespace qemunit::ctl
