// SPDX-License-Identifier: MIT
//
// What the generator could tell nobody: a boot without a kernel log, as that of a container, where
// journald is not up yet. A file of its output keeps it for qemunit-messages.service, which this
// boot then starts, and which puts it into the journal.
#pragma once

#include <string>
#include <vector>

#include "generator/units/render.h"

namespace qemunit::generator {

// `messages`: lines with systemd's prefix for the priority, "<3>…" (sd-daemon(3)).
Output render_messages(const std::vector<std::string> &messages);

}  // namespace qemunit::generator
