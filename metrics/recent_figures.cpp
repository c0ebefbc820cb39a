// SPDX-License-Identifier: MIT
#include "metrics/recent_figures.h"

#include <ctime>
#include <utility>

#include "metrics/vm_metrics.h"

namespace qemunit::metrics {

namespace {

constexpr uint64_t kAgeMax = kSecond;
constexpr uint64_t kNsOfUsec = 1000;

// Not the event loop's, which stands still while a handler runs.
uint64_t clock_usec() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * kSecond +
           static_cast<uint64_t>(now.tv_nsec) / kNsOfUsec;
}

}  // namespace

void RecentFigures::get(Format format, TextDone done) {
    if (figures_ && clock_usec() < taken_ + kAgeMax)
        return done(text(format));
    waiting_.push_back({format, std::move(done)});
    if (source_.is_asking())
        return;
    source_.ask(timeout_, {}, [this, began = clock_usec()](Result<Figures> figures) {
        take(std::move(figures), began);
    });
}

void RecentFigures::take(Result<Figures> figures, uint64_t began) {
    figures_.reset();
    texts_.clear();
    taken_ = clock_usec();
    duration_ = taken_ - began;
    if (figures)
        figures_ = std::move(*figures);
    for (const Waiting &one : std::exchange(waiting_, {}))
        one.done(figures_ ? Result<Text>(text(one.format))
                          : Result<Text>(std::unexpected(figures.error())));
}

const RecentFigures::Text &RecentFigures::text(Format format) {
    Text &text = texts_[format];
    if (!text)
        text = std::make_shared<const std::string>(
            metrics_text(*figures_, duration_ * kNsOfUsec, format));
    return text;
}

}  // namespace qemunit::metrics
