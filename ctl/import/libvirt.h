// SPDX-License-Identifier: MIT
//
// A domain of libvirt, as `virsh dumpxml` prints it. For `qemunitctl import`. Pure.
#pragma once

#include <string>

#include "common/result.h"
#include "ctl/import/imported_vm.h"
#include "ctl/import/surroundings.h"

namespace qemunit::ctl {

Result<ImportedVm> import_libvirt(const std::string &text, const Surroundings &surroundings);

}  // namespace qemunit::ctl
