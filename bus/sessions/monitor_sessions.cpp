// SPDX-License-Identifier: MIT
#include "bus/sessions/monitor_sessions.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

namespace qemunit::bus {

Result<UniqueFd> MonitorSessions::open(const std::string &caller,
                                       std::unique_ptr<MonitorLanguage> language) {
    if (entries_.size() >= kMax)
        return fail(EUSERS, fmt::format("there are {} monitor sessions of it already, and that is "
                                        "the most; close one",
                                        kMax));
    if (std::ranges::count(entries_, caller, &Entry::caller) >= std::ptrdiff_t{kMaxOfCaller})
        return fail(EUSERS, fmt::format("the caller has {} monitor sessions of it already, and "
                                        "that is the most; close one",
                                        kMaxOfCaller));
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return fail_errno(errno, "cannot create a socket pair");
    UniqueFd ours(fds[0]), theirs(fds[1]);
    // Only our end is non-blocking: the client decides about its own.
    if (fcntl(ours.get(), F_SETFL, O_NONBLOCK) < 0)
        return fail_errno(errno, "cannot make a socket non-blocking");
    auto session = MonitorSession::create(
        event_, monitor_, std::move(ours), std::move(language), [this](MonitorSession &ended) {
            entries_.remove_if([&](const Entry &entry) { return entry.session.get() == &ended; });
        });
    if (!session)
        return std::unexpected(session.error());
    entries_.push_back({caller, std::move(*session)});
    return theirs;
}

// Goes through a copy of the list, since a session that does not read ends here.
void MonitorSessions::take_event(const QmpEvent &event) {
    for (const auto &entry : std::list(entries_))
        entry.session->take_event(event);
}

void MonitorSessions::end_all() {
    entries_.clear();
}

}  // namespace qemunit::bus
