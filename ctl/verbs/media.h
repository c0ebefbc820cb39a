// SPDX-License-Identifier: MIT
//
// `qemunitctl medium`: what is in a drive of the VM. qemunitctl opens the file with the user's
// rights, and hands it over. Root does not open what somebody with fewer rights could have put in
// its place.
#pragma once

#include <systemd/sd-bus.h>

#include <string>

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

// `file`: "" for none.
Result<> change_medium(sd_bus *bus, const Invocation &invocation, const std::string &vm,
                       const std::string &drive, const std::string &file);

Result<int> run_medium_change(const Invocation &invocation);
Result<int> run_medium_eject(const Invocation &invocation);

}  // namespace qemunit::ctl
