// SPDX-License-Identifier: MIT
//
// Which VM writes to an image: such a one is no base for a layer, which would break at the first
// write. For `qemunitctl new`.
#pragma once

#include <string>
#include <vector>

namespace qemunit::ctl {

// The drives of an ini file that are written to, as File= has them. Drop-ins are not looked at.
std::vector<std::string> written_files(const std::string &ini);

// The name of a VM whose disk the image is; "" if it is none's. `state`: where state directories
// are, with a name of a VM to come.
std::string writer_of(const std::string &image, const std::vector<std::string> &config_dirs,
                      const std::string &state);

}  // namespace qemunit::ctl
