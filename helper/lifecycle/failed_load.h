// SPDX-License-Identifier: MIT
//
// Finds out whether a guest stands still because a snapshot could not be loaded. No event tells
// that: QEMU leaves the guest stopped then (migration/savevm.c). qemunitd lets the guest run again
// if the snapshot was asked for by qemunitd; the companion only says what happened.
#pragma once

#include <cstdint>
#include <functional>

#include "common/event_ptr.h"
#include "common/qmp/qmp_client.h"

namespace qemunit::helper {

class FailedLoad {
  public:
    // `on_failure`: a snapshot could not be loaded, which is logged before.
    FailedLoad(sd_event *event, QmpClient &qmp, std::function<void()> on_failure)
        : event_(event), qmp_(qmp), on_failure_(std::move(on_failure)) {}

    // After STOP: QEMU stops the guest to load a snapshot, and answers again when it has.
    void look();

  private:
    void ask(bool again);
    void look_again();

    sd_event *event_;
    QmpClient &qmp_;
    const std::function<void()> on_failure_;
    EventSourcePtr next_look_;
};

}  // namespace qemunit::helper
