// SPDX-License-Identifier: MIT
#include "ctl/import/surroundings.h"

#include <filesystem>

namespace qemunit::ctl {

std::string absolute_path(const Surroundings &surroundings, const std::string &path) {
    if (path.starts_with('/'))
        return std::filesystem::path(path).lexically_normal();
    return (std::filesystem::path(surroundings.folder) / path).lexically_normal();
}

}  // namespace qemunit::ctl
