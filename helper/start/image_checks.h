// SPDX-License-Identifier: MIT
//
// Compares the images of a VM with what its ini says of them, before QEMU opens them. For
// qemunit-helper, with the rights of QEMU's user. Changes nothing.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "helper/handover/options.h"

namespace qemunit::helper {

// An error if an image has another format than its name says, and the ini names no format.
Result<> check_formats(const std::vector<GuessedFormat> &images);

// Notes about what people may not expect: an image of another size than Size=, a layer on another
// backing file than BackingFile=.
std::vector<std::string> image_notes(const HelperOptions &options);

}  // namespace qemunit::helper
