// SPDX-License-Identifier: MIT
//
// What `qemunitctl new` says it did, and what comes next. Pure.
#pragma once

#include <string>

#include "common/paths.h"
#include "ctl/new/new_vm.h"

namespace qemunit::ctl {

std::string report_text(const NewVm &vm, const std::string &ini_path);
// Three commands, for a VM that has been started or not.
std::string next_text(const NewVm &vm, const Paths &paths, bool is_started);

}  // namespace qemunit::ctl
