// SPDX-License-Identifier: MIT
//
// Which image is in a drive of a VM that runs, by the labels of QEMU's open files.
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

#include "common/file_label.h"

namespace qemunit {

// The name, if that element of query-fdsets holds an image of the drive.
std::optional<std::string> medium_in_set(const nlohmann::json &set, const std::string &drive);

}  // namespace qemunit
