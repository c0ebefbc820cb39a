// SPDX-License-Identifier: MIT
//
// Images in the state directories of VMs that are configured no more: where a VM got another name,
// its disks are still there. For qemunit-image, and for `qemunitctl check`.
#pragma once

#include <string>
#include <vector>

namespace qemunit {

// Images with the file name of `image`. Nothing is found if `image` itself is not in the state
// directory of its VM. `config_dirs`: where ini files are.
std::vector<std::string> left_images(const std::string &image, const std::string &vm,
                                     const std::vector<std::string> &config_dirs);

// What to do about the first of those images; "" if there is none.
std::string left_image_advice(const std::string &image, const std::string &vm,
                              const std::vector<std::string> &config_dirs);

}  // namespace qemunit
