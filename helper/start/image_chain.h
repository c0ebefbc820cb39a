// SPDX-License-Identifier: MIT
//
// What an image is a layer on, compared with what the ini says. QEMU would open whatever an image
// names; here nothing is opened, and what the ini does not name is an error. For qemunit-helper.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "common/result.h"
#include "helper/start/drive_images.h"

namespace qemunit::helper {

// `images`: those of one drive, the image first. How many of them QEMU shall open, and each with
// its format.
Result<std::vector<std::string>> formats_of_chain(std::span<const OpenImage> images);

}  // namespace qemunit::helper
