// SPDX-License-Identifier: MIT
#include "helper/console/acceptor.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace qemunit::helper {

namespace {

constexpr uint64_t kAcceptRetryUsec = 200'000;

}  // namespace

Result<std::unique_ptr<Acceptor>> Acceptor::create(sd_event *event, UniqueFd listener,
                                                   std::string name, int64_t priority,
                                                   Callback on_client) {
    std::unique_ptr<Acceptor> acceptor(
        new Acceptor(std::move(listener), std::move(name), std::move(on_client)));
    const int fd = acceptor->listener_.get();
    const int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return fail_errno(errno, "cannot watch " + acceptor->name_);
    sd_event_source *io = nullptr;
    int r = sd_event_add_io(
        event, &io, fd, EPOLLIN,
        [](sd_event_source *, int, uint32_t, void *userdata) {
            static_cast<Acceptor *>(userdata)->accept_one();
            return 0;
        },
        acceptor.get());
    acceptor->io_.reset(io);
    if (r >= 0)
        r = sd_event_source_set_priority(io, priority);
    // The timer is made now: the first timer of an event loop needs a descriptor, and later none
    // may be left.
    sd_event_source *retry = nullptr;
    if (r >= 0)
        r = sd_event_add_time(
            event, &retry, CLOCK_MONOTONIC, UINT64_MAX, 0,
            [](sd_event_source *, uint64_t, void *userdata) {
                auto *self = static_cast<Acceptor *>(userdata);
                self->is_paused_ = false;
                self->update();
                return 0;
            },
            acceptor.get());
    acceptor->retry_.reset(retry);
    if (r >= 0)
        r = sd_event_source_set_enabled(retry, SD_EVENT_OFF);
    if (r < 0)
        return fail_errno(r, "cannot watch " + acceptor->name_);
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
    sd_event_source_set_time_relative(retry_.get(), kAcceptRetryUsec);
    sd_event_source_set_enabled(retry_.get(), SD_EVENT_ONESHOT);
    update();
    if (!std::exchange(has_complained_, true))
        fmt::print(
            stderr,
            "<4>qemunit-helper: cannot accept a connection to {}: {}; it waits until that is "
            "possible (LimitNOFILE= in [Service] of the ini file is the limit of this VM); "
            "this is said once.\n",
            name_, std::strerror(error));
}

void Acceptor::update() {
    sd_event_source_set_enabled(io_.get(), is_open_ && !is_paused_ ? SD_EVENT_ON : SD_EVENT_OFF);
}

}  // namespace qemunit::helper
