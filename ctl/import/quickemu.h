// SPDX-License-Identifier: MIT
//
// A VM of quickemu, its .conf file. For `qemunitctl import`. Pure; the file is a shell script, of
// which assignments are read, and nothing is run.
#pragma once

#include <string>

#include "common/result.h"
#include "ctl/import/imported_vm.h"
#include "ctl/import/surroundings.h"

namespace qemunit::ctl {

// `surroundings.folder` is that of the file, from which its paths count.
Result<ImportedVm> import_quickemu(const std::string &text, const Surroundings &surroundings);

}  // namespace qemunit::ctl
