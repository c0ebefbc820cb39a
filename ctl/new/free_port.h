// SPDX-License-Identifier: MIT
//
// A port of 127.0.0.1 that nobody has and no VM will want. For `qemunitctl new` and `clone`.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "common/paths.h"
#include "common/result.h"

namespace qemunit::ctl {

// Those of HostForward= in the ini files and drop-ins of these folders, also of VMs that are off.
std::set<unsigned> wanted_ports(const std::vector<std::string> &config_dirs);

// Each user begins to look elsewhere, since nobody sees what the VMs of others want. `more`: ports
// that somebody will want, too.
Result<unsigned> find_free_port(const Paths &paths, const std::set<unsigned> &more = {});

}  // namespace qemunit::ctl
