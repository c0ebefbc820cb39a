// SPDX-License-Identifier: MIT
#include "bus/monitor/shared_look.h"

#include <utility>

namespace qemunit::bus {

void SharedLook::join(Look look, Answered answered) {
    waiting_.push_back({std::move(look), std::move(answered)});
    if (!is_under_way_)
        begin();
}

void SharedLook::begin() {
    const auto asking = std::make_shared<std::vector<Waiting>>(std::exchange(waiting_, {}));
    is_under_way_ = true;
    // The first one's deadline is the earliest.
    const Look look = std::move(asking->front().look);
    look([self = shared_from_this(), asking](const VmMonitor::Reply &reply) {
        for (const Waiting &one : *asking)
            one.answered(reply);
        self->is_under_way_ = false;
        if (!self->waiting_.empty())
            self->begin();
    });
}

}  // namespace qemunit::bus
