// SPDX-License-Identifier: MIT
//
// Which image was put into a drive while the VM ran. QEMU got it as an open file and knows no
// name of it, but keeps a text beside each (add-fd, "opaque"): there the name is, and with
// it whoever asks QEMU sees what qemunitd did, also one that was started since.
#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <string>

namespace qemunit {

std::string medium_label(const std::string &drive, const std::string &name);

// The name, if that element of query-fdsets holds an image of the drive.
std::optional<std::string> medium_in_set(const nlohmann::json &set, const std::string &drive);

}  // namespace qemunit
