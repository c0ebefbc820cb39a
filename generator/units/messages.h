// SPDX-License-Identifier: MIT
//
// Messages of a generator that has nowhere to log: at a boot without a kernel log, as in a
// container, journald is not up yet. A file in the output keeps the messages for
// qemunit-messages.service, which this boot starts, and which writes them into the journal.
#pragma once

#include <string>
#include <vector>

#include "generator/units/render.h"

namespace qemunit::generator {

// `messages`: lines with systemd's prefix for the priority, "<3>…" (sd-daemon(3)).
Output render_messages(const std::vector<std::string> &messages);

}  // namespace qemunit::generator
