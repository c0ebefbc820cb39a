// SPDX-License-Identifier: MIT
//
// Files in memory, without a name anywhere (memfd_create(2)): what QEMU reads of a caller of `run`,
// with whose rights it was opened. Gone with the last process that has one open.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

// `name`: for /proc alone.
Result<UniqueFd> make_memory_file(const char *name);
Result<> append_bytes(int file, std::string_view bytes);
// The whole of another file.
Result<> append_file(int file, const std::string &path);
// From here on, nobody changes it.
Result<> seal(int file);

}  // namespace qemunit::ctl
