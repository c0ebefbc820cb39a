// SPDX-License-Identifier: MIT
//
// How QEMU's names of all that a backup has put into it begin. qemunitd makes and removes it; the
// companion saves no machine that has it.
#pragma once

#include <string_view>

namespace qemunit {

inline constexpr std::string_view kBackupNodes = "qemunit-backup-";

}  // namespace qemunit
