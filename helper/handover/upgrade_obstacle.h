// SPDX-License-Identifier: MIT
//
// Why a running guest cannot be handed to a newer QEMU, as far as QEMU's command line tells: the
// helper prepares what can be, and the companion refuses what cannot. Pure. Knows what was seen to
// go on, and lets nothing else through.
#pragma once

#include <string>

#include "helper/handover/options.h"

namespace qemunit::helper {

// "" if there is nothing; else a sentence's beginning, which names the device or the key.
std::string upgrade_obstacle(const HelperOptions &options);

}  // namespace qemunit::helper
