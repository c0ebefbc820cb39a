// SPDX-License-Identifier: MIT
//
// `qemunitctl migrate VM HOST`: finds out whether VM can run on HOST, makes the way there by ssh,
// and has the VM's companion move it (Migrate of org.qemunit1.VM). Decides nothing: who may let the
// guest run is the companion's to say.
#pragma once

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

Result<int> run_migrate(const Invocation &invocation);

}  // namespace qemunit::ctl
