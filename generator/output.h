// SPDX-License-Identifier: MIT
//
// Writes what render() made below an output directory. Each file appears whole or not at
// all, also when two generators run at once or one is killed.
#pragma once

#include <string>

#include "common/result.h"
#include "generator/render.h"

namespace qemunit {

Result<> write_output(const std::string &directory, const Output &output);

}  // namespace qemunit
