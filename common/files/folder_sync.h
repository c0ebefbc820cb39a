// SPDX-License-Identifier: MIT
//
// What the names in a folder say must be so also after a power failure. For the helper's
// SavedState, and MoveRecord. Waits for the disk.
#pragma once

#include <string>

#include "common/result.h"

namespace qemunit {

// After this, a file that was renamed or removed in the folder has its new name also after a power
// failure (fsync(2)). `path`: of such a file.
Result<> sync_folder_of(const std::string &path);

Result<> rename_durably(const std::string &from, const std::string &to);

}  // namespace qemunit
