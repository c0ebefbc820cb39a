// SPDX-License-Identifier: MIT
#include "common/signals.h"

#include <csignal>
#include <memory>
#include <utility>

#include "common/event_ptr.h"

namespace qemunit {

Result<> watch_signals(sd_event *event, std::initializer_list<int> numbers,
                       const std::function<void()> &arrived) {
    using Arrived = std::function<void()>;
    sigset_t signals;
    sigemptyset(&signals);
    for (int number : numbers)
        sigaddset(&signals, number);
    sigprocmask(SIG_BLOCK, &signals, nullptr);
    for (int number : numbers) {
        auto owned = std::make_unique<Arrived>(arrived);
        sd_event_source *source = nullptr;
        if (int r = sd_event_add_signal(
                event, &source, number,
                [](sd_event_source *, const signalfd_siginfo *, void *userdata) {
                    (*static_cast<Arrived *>(userdata))();
                    return 0;
                },
                owned.get());
            r < 0)
            return fail_errno(r, "cannot watch for signals");
        // From here on, the loop keeps the source (sd_event_source_set_floating(3)).
        auto kept = own_handler(source, std::move(owned));
        if (int r = sd_event_source_set_floating(source, true); r < 0)
            return fail_errno(r, "cannot watch for signals");
        sd_event_source_unref(kept.release());
    }
    return {};
}

}  // namespace qemunit
