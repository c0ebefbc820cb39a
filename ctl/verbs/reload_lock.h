// SPDX-License-Identifier: MIT
//
// One reload of a VM at a time: two would plan the same change, and the later one fail. systemd's
// own come one after the other, those that people type do not.
#pragma once

#include <string>

#include "common/paths.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

// Held until it is closed. Waits for another reload, with a deadline below the one that systemd
// has for it. Empty for who may write no file of that manager's: qemunitd refuses, then, what comes
// twice.
Result<UniqueFd> lock_reload(const Paths &paths, const std::string &vm);

}  // namespace qemunit::ctl
