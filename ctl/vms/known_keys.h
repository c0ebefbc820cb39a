// SPDX-License-Identifier: MIT
//
// The host keys of a guest that the caller's SSH knows, and the links that lead to them. For
// `remove` and `rename`. Those of other people of this machine are theirs.
#pragma once

#include <systemd/sd-bus.h>

#include <string>
#include <vector>

#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

struct KnownKeys {
    std::string file;                // "" if there is none
    bool is_by_name = false;         // the VM has no UUID
    std::vector<std::string> links;  // "…/known_hosts/qemu/vm1"
};
KnownKeys known_keys(const Invocation &invocation, sd_bus *bus, const std::string &vm);

}  // namespace qemunit::ctl
