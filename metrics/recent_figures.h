// SPDX-License-Identifier: MIT
//
// The figures for whoever asks now: those who come while others wait get the same, and who comes
// within a second after gets what is there, so that no client makes QEMUs answer more often than
// that.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/figures/figure_source.h"
#include "metrics/exposition.h"

namespace qemunit::metrics {

class RecentFigures {
  public:
    // One text for all who get it.
    using Text = std::shared_ptr<const std::string>;
    using TextDone = std::function<void(const Result<Text> &text)>;

    // `timeout`: µs that a QEMU has to answer.
    RecentFigures(sd_event *event, sd_bus *bus, uint64_t timeout)
        : event_(event), timeout_(timeout), source_(event, bus) {}

    // `done` is called once, also at once.
    void get(Format format, TextDone done);

  private:
    struct Waiting {
        Format format;
        TextDone done;
    };

    void take(Result<Figures> figures, uint64_t began);
    const Text &text(Format format);

    sd_event *event_;
    uint64_t timeout_;
    FigureSource source_;
    std::vector<Waiting> waiting_;
    std::optional<Figures> figures_;
    std::map<Format, Text> texts_;       // of them
    uint64_t taken_ = 0, duration_ = 0;  // µs
};

}  // namespace qemunit::metrics
