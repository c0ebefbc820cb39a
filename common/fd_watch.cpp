// SPDX-License-Identifier: MIT
#include "common/fd_watch.h"

#include <memory>
#include <utility>

namespace qemunit {

Result<FdWatch> FdWatch::create(sd_event *event, int fd, uint32_t events, const std::string &what,
                                Ready ready, int64_t priority) {
    auto owned = std::make_unique<Ready>(std::move(ready));
    sd_event_source *source = nullptr;
    if (int r = sd_event_add_io(
            event, &source, fd, events,
            [](sd_event_source *, int, uint32_t revents, void *userdata) {
                (*static_cast<Ready *>(userdata))(revents);
                return 0;
            },
            owned.get());
        r < 0)
        return fail_errno(r, "cannot watch " + what);
    FdWatch watch(own_handler(source, std::move(owned)));
    if (int r = sd_event_source_set_priority(source, priority); r < 0)
        return fail_errno(r, "cannot watch " + what);
    return watch;
}

// A regular file cannot be waited for (epoll_ctl(2)), and need not be.
Result<FdWatch> FdWatch::of_any_file(sd_event *event, int fd, const std::string &what,
                                     Ready ready) {
    auto watch = create(event, fd, EPOLLIN, what, ready);
    if (watch || watch.error().code != EPERM)
        return watch;
    auto owned = std::make_unique<Ready>(std::move(ready));
    sd_event_source *source = nullptr;
    if (int r = sd_event_add_defer(
            event, &source,
            [](sd_event_source *, void *userdata) {
                (*static_cast<Ready *>(userdata))(0);
                return 0;
            },
            owned.get());
        r < 0)
        return fail_errno(r, "cannot watch " + what);
    FdWatch always(own_handler(source, std::move(owned)));
    always.set_enabled(true);
    return always;
}

void FdWatch::set_events(uint32_t events) {
    if (source_)
        sd_event_source_set_io_events(source_.get(), events);
}

void FdWatch::set_enabled(bool enabled) {
    if (source_)
        sd_event_source_set_enabled(source_.get(), enabled ? SD_EVENT_ON : SD_EVENT_OFF);
}

}  // namespace qemunit
