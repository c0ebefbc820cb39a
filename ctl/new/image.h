// SPDX-License-Identifier: MIT
//
// The image that a VM is made from: what it is by its content, and what it is a layer on.
// For `qemunitctl new`. Its name decides nothing, and nothing that its header names is opened but
// what lies beside it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"

namespace qemunit::ctl {

struct Image {
    std::string path;    // absolute, without links, so that a layer on it stays one
    std::string format;  // in QEMU's words
    uint64_t size = 0;   // as the guest sees it; 0 if its header does not say
    bool is_iso = false;
    bool has_boot_sector = true;      // as far as can be said
    std::vector<std::string> layers;  // what it is a layer on, each on the next one
};

Result<Image> read_image(const std::string &path);

}  // namespace qemunit::ctl
