// SPDX-License-Identifier: MIT
//
// What the target of a move answers when somebody asks whether the guest has run there: "yes" and
// "no" are for good, and are written down (ArrivalRecord) before they are said. Everything else is
// "unknown", which decides nothing. Stops nothing.
#pragma once

#include <functional>
#include <string>

#include "common/files/arrival_record.h"
#include "common/result.h"

namespace qemunit::ctl {

struct Outcome {
    enum class Kind { ran, never_runs, unknown } kind = Kind::unknown;
    std::string why;  // of unknown
};

// `unit_state`: ActiveState= of the VM's unit. Waits for a guest that was told to run, a minute at
// most, for which it looks so often.
Outcome settle(const ArrivalRecord &record, const std::string &token,
               const std::function<Result<std::string>()> &unit_state, int looks = 600);

}  // namespace qemunit::ctl
