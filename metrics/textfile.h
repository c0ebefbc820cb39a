// SPDX-License-Identifier: MIT
//
// The metrics as a file, for the textfile collector of node_exporter: always whole, since the file
// is written beside its place and then renamed.
#pragma once

#include <string>

#include "common/result.h"

namespace qemunit::metrics {

// Readable for everybody.
Result<> write_textfile(const std::string &path, const std::string &text);

}  // namespace qemunit::metrics
