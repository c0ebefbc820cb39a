// SPDX-License-Identifier: MIT
//
// What the names in a folder say must be so also after a power failure. For the helper's
// SavedState, and MoveRecord. Waits for the disk.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"

namespace qemunit {

// After this, a file that was renamed or removed in the folder has its new name also after a power
// failure (fsync(2)). `path`: of such a file.
Result<> sync_folder_of(const std::string &path);

// A new file of this text, which is on the disk, in place of one that has the name. Its name is not
// yet: rename_durably().
Result<> write_new_text(const std::string &path, std::string_view text);
// Of a file that somebody else may have put there: nothing unless it is a regular file with a text
// of a sane size.
std::optional<std::string> read_small_text(const std::string &path);

Result<> rename_durably(const std::string &from, const std::string &to);

}  // namespace qemunit
