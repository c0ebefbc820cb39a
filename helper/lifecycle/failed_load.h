// SPDX-License-Identifier: MIT
//
// Whether a guest that has stopped has done so for a snapshot that could not be loaded. No event
// tells: QEMU leaves the guest as it is then (migration/savevm.c). qemunitd mends that, if it was
// asked for the snapshot; this one only says what happened.
#pragma once

#include <cstdint>
#include <functional>

#include "common/event_ptr.h"
#include "common/qmp/qmp_client.h"

namespace qemunit::helper {

class FailedLoad {
  public:
    // `on_failure`: a snapshot could not be loaded; the log has it already.
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
