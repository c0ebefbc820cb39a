// SPDX-License-Identifier: MIT
//
// `qemunitctl backups` and `verify`: which backups there are, and whether they are what was
// written.
#pragma once

#include <string>

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

// Where qemu-backup@VM.service keeps them.
std::string usual_backup_folder(const Paths &paths, const std::string &vm);

Result<int> run_backups(const Invocation &invocation);
Result<int> run_verify(const Invocation &invocation);

}  // namespace qemunit::ctl
