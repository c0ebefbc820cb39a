// SPDX-License-Identifier: MIT
#include "helper/console/client_output.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "common/console/history_mark.h"

namespace qemunit::helper {

namespace {

constexpr std::size_t kConsoleQueueMax = 256 * 1024;  // bytes
constexpr std::size_t kProgramQueueMax = 4 * 1024 * 1024;

}  // namespace

bool ClientOutput::send(std::string_view bytes) {
    const bool fits =
        queue_.size() + bytes.size() <= (history_ != nullptr ? kConsoleQueueMax : kProgramQueueMax);
    if (!fits && history_ == nullptr)
        return false;  // a part of a message is of no use to a program
    // While bytes are missing, nothing is queued: what follows a gap would look complete.
    if (!fits || missed_ > 0) {
        missed_ += bytes.size();
        return true;
    }
    queue_ += bytes;
    flush();
    return true;
}

bool ClientOutput::send_history() {
    if (history_ == nullptr)
        return true;
    const std::string_view screen = history_->last_screen();
    const ssize_t sent = screen.empty() ? 0 : send_as_history(fd_, screen);
    return send(screen.substr(static_cast<std::size_t>(std::max<ssize_t>(sent, 0))));
}

void ClientOutput::flush() {
    for (;;) {
        // The gap is told as soon as there is room, and not when the guest prints next: the guest
        // may wait for an answer.
        if (queue_.empty() && missed_ > 0)
            queue_ = history_->after_gap(std::exchange(missed_, 0));
        if (queue_.empty())
            return;
        const ssize_t n = ::send(fd_, queue_.data(), queue_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n < 0) {  // the client has left, or reads no more; what it typed before still counts
            queue_.clear();
            missed_ = 0;
            return;
        }
        progressed_ = true;
        queue_.erase(0, static_cast<std::size_t>(n));
    }
}

}  // namespace qemunit::helper
