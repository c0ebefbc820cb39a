// SPDX-License-Identifier: MIT
//
// How a QEMU is told of the file with a machine's state, which depends on QEMU's version. For
// saving and loading.
#pragma once

#include <nlohmann/json.hpp>
#include <sys/types.h>

#include <string>

namespace qemunit::helper {

// The name of the fd for getfd, if this QEMU takes no files.
inline constexpr const char *kStateFdName = "hibernation";

// QEMU takes files from 8.2 on (qapi/migration.json); 11 no longer takes the fd of a file for a
// stream.
bool takes_files(const std::string &version);

// Arguments of migrate and migrate-incoming. With an fd, the file's own offset counts.
nlohmann::json file_source(const std::string &path, off_t offset);
nlohmann::json fd_source();

}  // namespace qemunit::helper
