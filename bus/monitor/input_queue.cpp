// SPDX-License-Identifier: MIT
#include "bus/monitor/input_queue.h"

#include <utility>

namespace qemunit::bus {

namespace {

// For QEMU to take one step, not for the guest.
constexpr uint64_t kStepTimeout = 20 * kSecond;

}  // namespace

void InputQueue::add(InputSteps steps, std::function<bool()> is_wanted,
                     VmMonitor::ReplyCallback done) {
    tasks_.push_back({std::move(steps), std::move(is_wanted), std::move(done)});
    if (tasks_.size() == 1)
        next();
}

void InputQueue::next() {
    pause_.reset();
    if (tasks_.empty())
        return;
    // Keys that are pressed are released first, as the next step does.
    if (!tasks_.front().is_wanted() && !is_down_)
        return finish(
            std::unexpected(QmpError{QmpError::Kind::disconnected, "the caller has left"}));
    auto step = tasks_.front().next_step();
    if (!step)
        return finish(nlohmann::json::object());
    is_down_ = step->leaves_keys_down;
    monitor_.execute(
        "input-send-event", {{"events", std::move(step->events)}},
        monotonic_now(event_) + kStepTimeout,
        [this, pause = step->pause, generation = generation_](VmMonitor::Reply reply) {
            if (generation != generation_)
                return;
            if (!reply)
                return finish(std::move(reply));
            auto timer = start_timer(event_, monotonic_now(event_) + pause, [this] { next(); });
            if (!timer)
                return finish(
                    std::unexpected(QmpError{QmpError::Kind::timeout, timer.error().message}));
            pause_ = std::move(*timer);
        });
}

void InputQueue::finish(VmMonitor::Reply reply) {
    const Task task = std::move(tasks_.front());
    tasks_.pop_front();
    is_down_ = false;
    next();
    task.done(std::move(reply));
}

void InputQueue::fail_all(const std::string &reason) {
    ++generation_;
    is_down_ = false;
    pause_.reset();
    for (Task &task : std::exchange(tasks_, {}))
        task.done(std::unexpected(QmpError{QmpError::Kind::disconnected, reason}));
}

}  // namespace qemunit::bus
