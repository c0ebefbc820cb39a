// SPDX-License-Identifier: MIT
//
// A descriptor on an event loop: `ready` is called when something can be read or written, until the
// watch is gone. Everything of ours that reads or writes without waiting has one. Never closes the
// descriptor, which has to live longer than the watch.
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>
#include <string>

#include "common/event_ptr.h"
#include "common/result.h"

namespace qemunit {

class FdWatch {
  public:
    // `revents`: as of epoll_ctl(2); 0 for a regular file. `ready` may drop the watch.
    using Ready = std::function<void(uint32_t revents)>;

    // `what`: for the message "cannot watch …". EPERM: a regular file, which is never waited for.
    static Result<FdWatch> create(sd_event *event, int fd, uint32_t events, const std::string &what,
                                  Ready ready, int64_t priority = SD_EVENT_PRIORITY_NORMAL);
    // For reading, also of a regular file, which is ready in every round of the loop.
    static Result<FdWatch> of_any_file(sd_event *event, int fd, const std::string &what,
                                       Ready ready);

    FdWatch() = default;  // watches nothing
    explicit operator bool() const { return source_ != nullptr; }
    void reset() { source_.reset(); }

    // EPOLLHUP and EPOLLERR are reported also if `events` is 0, but not while it is not enabled.
    void set_events(uint32_t events);
    void set_enabled(bool enabled);

  private:
    explicit FdWatch(EventSourcePtr source) : source_(std::move(source)) {}

    EventSourcePtr source_;
};

}  // namespace qemunit
