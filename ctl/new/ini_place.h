// SPDX-License-Identifier: MIT
//
// Where the ini file of a new VM goes, and whether its name is free. For `qemunitctl new`.
#pragma once

#include <string>

#include "common/paths.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

// An error if there is an ini file of this name, a mask too, or if a VM still runs that had it.
Result<> check_name_is_free(const Paths &paths, const std::string &vm);

// Whether the generator takes the ini file, which is not there yet. If not, the error has its
// words.
Result<> check_ini(const Paths &paths, const std::string &vm, const std::string &text);

// While it is held, nobody else chooses a port or a name. Waits for who does, with a deadline.
Result<UniqueFd> lock_new_vms(const Paths &paths);

// Whole or not at all, and never over one that is there. Returns its path.
Result<std::string> write_ini(const Paths &paths, const std::string &vm, const std::string &text);

}  // namespace qemunit::ctl
