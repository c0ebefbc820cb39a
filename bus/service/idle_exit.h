// SPDX-License-Identifier: MIT
//
// Ends the daemon when nobody needs it: no VM runs, and everybody who has ever called has left the
// bus, so that no caller waits for signals. The bus starts the daemon again at the next call, and
// no call gets lost between the two. The daemon must never end while a call waits for its answer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "bus/service/leave.h"
#include "common/bus_ptr.h"
#include "common/event_ptr.h"
#include "common/result.h"

namespace qemunit::bus {

class IdleExit {
  public:
    // `idle_usec`: how long the daemon has to be idle before it ends. `is_needed`: whether the
    // daemon is needed for another reason than callers.
    static Result<std::unique_ptr<IdleExit>> watch(sd_event *event, sd_bus *bus, uint64_t idle_usec,
                                                   std::function<bool()> is_needed);
    IdleExit(const IdleExit &) = delete;
    IdleExit &operator=(const IdleExit &) = delete;

    // To be called when the result of is_needed() may have changed.
    void look_again();

  private:
    struct TrackDeleter {
        void operator()(sd_bus_track *track) const { sd_bus_track_unref(track); }
    };

    IdleExit(sd_event *event, sd_bus *bus, uint64_t idle_usec, std::function<bool()> is_needed)
        : event_(event), bus_(bus), idle_usec_(idle_usec), is_needed_(std::move(is_needed)) {}
    bool has_callers() const { return sd_bus_track_count(callers_.get()) > 0; }
    void leave();
    void on_name_released();
    void exit();
    static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *);

    sd_event *event_;
    sd_bus *bus_;
    const uint64_t idle_usec_;
    const std::function<bool()> is_needed_;
    std::unique_ptr<sd_bus_track, TrackDeleter> callers_;
    bool has_too_many_callers_ = false;
    bool is_leaving_ = false, is_released_ = false;
    EventSourcePtr timer_;
    SlotPtr filter_;
    std::unique_ptr<Leave> leave_;
};

}  // namespace qemunit::bus
