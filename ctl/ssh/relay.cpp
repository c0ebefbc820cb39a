// SPDX-License-Identifier: MIT
#include "ctl/ssh/relay.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>

namespace qemunit::ctl {

namespace {

struct Direction {
    int from, to;
    bool has_ended = false;
    char buffer[65536]{};
    std::size_t begin = 0, end = 0;

    bool is_full() const { return end > begin; }

    void read_some() {
        const ssize_t n = ::read(from, buffer, sizeof buffer);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        has_ended = n <= 0;
        begin = 0;
        end = n > 0 ? static_cast<std::size_t>(n) : 0;
    }

    Result<> write_some() {
        const ssize_t n = ::write(to, buffer + begin, end - begin);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return fail_errno(errno, "the connection to the guest has ended");
        if (n > 0)
            begin += static_cast<std::size_t>(n);
        return {};
    }
};

}  // namespace

Result<> relay(int connection, int in, int out, int silent_ms) {
    using Clock = std::chrono::steady_clock;
    Direction to_guest{in, connection}, from_guest{connection, out};
    bool was_told = false;
    const std::chrono::milliseconds patience(silent_ms);
    Clock::time_point until = Clock::now() + patience;
    while (!from_guest.has_ended || from_guest.is_full()) {
        pollfd waiting[4] = {
            {in, POLLIN, 0}, {connection, POLLOUT, 0}, {connection, POLLIN, 0}, {out, POLLOUT, 0}};
        // poll(2) passes over what is negative.
        if (to_guest.is_full() || to_guest.has_ended)
            waiting[0].fd = -1;
        if (!to_guest.is_full())
            waiting[1].fd = -1;
        if (from_guest.is_full() || from_guest.has_ended)
            waiting[2].fd = -1;
        if (!from_guest.is_full())
            waiting[3].fd = -1;
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
        if (silent_ms >= 0 && left.count() <= 0)
            return fail(ETIMEDOUT, fmt::format("nothing has come for {} s", silent_ms / 1000));
        if (poll(waiting, 4, silent_ms < 0 ? -1 : static_cast<int>(left.count())) < 0) {
            if (errno == EINTR)
                continue;
            return fail_errno(errno, "cannot wait for the guest");
        }
        if (waiting[0].revents != 0)
            until = Clock::now() + patience;
        if (waiting[0].revents != 0)
            to_guest.read_some();
        if (waiting[2].revents != 0)
            from_guest.read_some();
        if (waiting[1].revents != 0)
            if (auto written = to_guest.write_some(); !written)
                return written;
        if (waiting[3].revents != 0)
            if (auto written = from_guest.write_some(); !written)
                return written;
        if (to_guest.has_ended && !to_guest.is_full() && !was_told) {
            shutdown(connection, SHUT_WR);
            was_told = true;
        }
    }
    return {};
}

}  // namespace qemunit::ctl
