// SPDX-License-Identifier: MIT
//
// Bytes from one end to the other, and back, for an ssh that cannot take the connection itself.
#pragma once

#include "common/result.h"

namespace qemunit::ctl {

// Until the connection ends. When `in` ends, the other side is told, and may still answer.
// `silent_ms`: an `in` of which nothing can be taken for so long is given up (ETIMEDOUT); -1:
// never.
Result<> relay(int connection, int in, int out, int silent_ms = -1);

}  // namespace qemunit::ctl
