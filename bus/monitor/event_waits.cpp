// SPDX-License-Identifier: MIT
#include "bus/monitor/event_waits.h"

#include <utility>
#include <vector>

namespace qemunit::bus {

uint64_t EventWaits::wait(Matcher is_it, uint64_t deadline, VmMonitor::ReplyCallback done) {
    const uint64_t id = next_++;
    auto timer = start_timer(event_, deadline, [this, id] {
        finish(id, std::unexpected(QmpError{QmpError::Kind::timeout, ""}));
    });
    if (timer)
        waits_.emplace(id, Wait{std::move(is_it), std::move(done), std::move(*timer)});
    else
        done(std::unexpected(QmpError{QmpError::Kind::timeout, timer.error().message}));
    return id;
}

bool EventWaits::take_event(const QmpEvent &event) {
    std::vector<uint64_t> ended;  // first, since each may begin or cancel others
    for (const auto &[id, wait] : waits_)
        if (wait.is_it(event))
            ended.push_back(id);
    for (const uint64_t id : ended)
        finish(id, event.data);
    return !ended.empty();
}

void EventWaits::fail_all(const std::string &reason) {
    for (auto &[id, wait] : std::exchange(waits_, {}))
        wait.done(std::unexpected(QmpError{QmpError::Kind::disconnected, reason}));
}

void EventWaits::finish(uint64_t id, VmMonitor::Reply reply) {
    if (auto wait = waits_.extract(id))
        wait.mapped().done(std::move(reply));
}

}  // namespace qemunit::bus
