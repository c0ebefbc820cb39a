// SPDX-License-Identifier: MIT
//
// Which image was put into a drive while the VM ran. QEMU got the image as an open file without a
// name, but keeps a text beside each file (add-fd, "opaque"). That text holds the name, so that
// everybody who asks QEMU sees it, also a qemunitd that was started since.
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace qemunit {

std::string medium_label(const std::string &drive, const std::string &name);

// The name, if that element of query-fdsets holds an image of the drive.
std::optional<std::string> medium_in_set(const nlohmann::json &set, const std::string &drive);

}  // namespace qemunit
