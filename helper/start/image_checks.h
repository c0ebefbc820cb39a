// SPDX-License-Identifier: MIT
//
// What the images of a VM are, against what its ini says, before QEMU has them. Run by
// qemunit-helper, with the rights of QEMU's user. Changes nothing.
#pragma once

#include <string>
#include <vector>

#include "common/result.h"
#include "helper/handover/options.h"

namespace qemunit::helper {

// An error if an image is not what its name says, and the ini does not say what it is.
Result<> check_formats(const std::vector<GuessedFormat> &images);

// What people may not expect: an image of another size than Size=, a layer on something else.
std::vector<std::string> image_notes(const HelperOptions &options);

}  // namespace qemunit::helper
