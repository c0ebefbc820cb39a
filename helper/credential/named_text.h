// SPDX-License-Identifier: MIT
//
// Reads a file that an ini names and that becomes a credential, as root on behalf of a VM, or as
// the user whose VM it is. For qemunit-credential and qemunit-seed.
#pragma once

#include <string>

#include "common/result.h"

namespace qemunit::helper {

// A regular file of 1 MiB at most. Root opens it with the rights of `owner`, of User= in the ini,
// where others than root can change what the path leads to; "": as images, see named_file.h.
Result<std::string> read_named_text(const std::string &owner, const std::string &path);

// A file that must not be there yet, for its owner alone.
Result<> write_new_text(const std::string &folder, const std::string &name,
                        const std::string &text);

}  // namespace qemunit::helper
