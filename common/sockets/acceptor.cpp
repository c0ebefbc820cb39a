// SPDX-License-Identifier: MIT
#include "common/sockets/acceptor.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace qemunit {

namespace {

constexpr uint64_t kAcceptRetryUsec = 200'000;

}  // namespace

Result<std::unique_ptr<Acceptor>> Acceptor::create(sd_event *event, UniqueFd listener,
                                                   std::string name, int64_t priority,
                                                   Callback on_client, Limit limit) {
    std::unique_ptr<Acceptor> acceptor(
        new Acceptor(std::move(listener), std::move(name), std::move(on_client), limit));
    const int fd = acceptor->listener_.get();
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return fail_errno(errno, "cannot watch " + acceptor->name_);
    auto io = FdWatch::create(
        event, fd, EPOLLIN, acceptor->name_, [&self = *acceptor](uint32_t) { self.accept_one(); },
        priority);
    if (!io)
        return std::unexpected(io.error());
    acceptor->io_ = std::move(*io);
    // The timer is made now: the first timer of an event loop needs a descriptor, and later none
    // may be left.
    auto retry = Timer::create(event, [&self = *acceptor] { self.end_pause(); });
    if (!retry)
        return std::unexpected(retry.error());
    acceptor->retry_ = std::move(*retry);
    return acceptor;
}

void Acceptor::set_open(bool is_open) {
    is_open_ = is_open;
    update();
}

void Acceptor::accept_one() {
    sockaddr_storage peer{};
    socklen_t length = sizeof peer;
    UniqueFd fd(accept4(listener_.get(), reinterpret_cast<sockaddr *>(&peer), &length,
                        SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd)
        on_client_(std::move(fd), peer);
    else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
        pause(errno);
}

void Acceptor::pause(int error) {
    is_paused_ = true;
    retry_.start(kAcceptRetryUsec);
    update();
    if (!std::exchange(has_complained_, true))
        fmt::print(
            stderr,
            "<4>{}: cannot accept a connection to {}: {}; it waits until that is possible ({}); "
            "this is said once.\n",
            limit_.program, name_, std::strerror(error), limit_.setting);
}

void Acceptor::end_pause() {
    is_paused_ = false;
    update();
}

void Acceptor::update() {
    io_.set_enabled(is_open_ && !is_paused_);
}

}  // namespace qemunit
