// SPDX-License-Identifier: MIT
//
// How a QEMU is told of the file with a machine's state, by its version. For saving and loading.
#pragma once

#include <nlohmann/json.hpp>
#include <sys/types.h>

#include <string>

namespace qemunit::helper {

// The name of the fd for getfd, if QEMU takes no files.
inline constexpr const char *kStateFdName = "hibernation";

// QEMU 8.2 knows files (qapi/migration.json), and 11 no more takes one for a stream with an fd.
bool takes_files(const std::string &version);

// Arguments of migrate and migrate-incoming; an fd has an offset of its own.
nlohmann::json file_source(const std::string &path, off_t offset);
nlohmann::json fd_source();

}  // namespace qemunit::helper
