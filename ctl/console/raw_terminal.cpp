// SPDX-License-Identifier: MIT
#include "ctl/console/raw_terminal.h"

#include <utility>

namespace qemunit::ctl {

Result<RawTerminal> RawTerminal::enter(int fd) {
    termios before{};
    if (tcgetattr(fd, &before) != 0)
        return fail_errno(errno, "cannot read the settings of this terminal");
    termios raw = before;
    cfmakeraw(&raw);
    if (tcsetattr(fd, TCSANOW, &raw) != 0)
        return fail_errno(errno, "cannot change the settings of this terminal");
    return RawTerminal(fd, before);
}

RawTerminal::RawTerminal(RawTerminal &&other) noexcept
    : fd_(std::exchange(other.fd_, -1)), before_(other.before_) {}

RawTerminal::~RawTerminal() {
    if (fd_ >= 0)
        tcsetattr(fd_, TCSANOW, &before_);
}

}  // namespace qemunit::ctl
