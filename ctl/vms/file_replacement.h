// SPDX-License-Identifier: MIT
//
// A file of the administrator's, written anew: the old one or the new one is there, whole, whatever
// happens. For `edit`, `clone` and `rename`. Not for folders that somebody with fewer rights can
// change.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "common/result.h"

namespace qemunit::ctl {

enum class Replaces { yes, no };

// With owner and mode of `like`. If there is a file and it shall not be replaced, the error's code
// is EEXIST.
Result<> write_file_like(const struct stat &like, const std::string &path, std::string_view text,
                         Replaces replaces);

// Has the disk what was renamed in there.
void sync_folder_of(const std::string &path);

}  // namespace qemunit::ctl
