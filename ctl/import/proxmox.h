// SPDX-License-Identifier: MIT
//
// A VM of Proxmox VE, /etc/pve/qemu-server/100.conf. For `qemunitctl import`. Pure.
#pragma once

#include <string>

#include "common/result.h"
#include "ctl/import/imported_vm.h"
#include "ctl/import/surroundings.h"

namespace qemunit::ctl {

Result<ImportedVm> import_proxmox(const std::string &text, const Surroundings &surroundings);

}  // namespace qemunit::ctl
