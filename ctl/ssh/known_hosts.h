// SPDX-License-Identifier: MIT
//
// Where SSH keeps the host keys of guests: a file for each VM in the caller's home, named for the
// VM's UUID. A VM that is made anew under the same name has another UUID, so that its keys are new
// ones and not changed ones. For `ssh` and `proxy`.
#pragma once

#include <string>

#include "common/result.h"

namespace qemunit::ctl {

// The name under which a key stands in there: the same for all VMs, since each has its own file.
inline constexpr char kHostKeyAlias[] = "qemunit-guest";

// ~/.local/state/qemunit/known_hosts. ssh finds the home in the user database, not in $HOME.
Result<std::string> known_hosts_folder();

// The file of a VM, in a folder that is there afterwards. `scope`: "system", "user" or the name of
// another host, for VMs without a UUID.
Result<std::string> known_hosts_file(const std::string &folder, const std::string &uuid,
                                     const std::string &scope, const std::string &vm);

// Makes the link for ssh_config(5), which knows no UUIDs: `target` is what was typed, as
// "qemu/vm1". Nothing else is replaced.
Result<> link_known_hosts(const std::string &folder, const std::string &target,
                          const std::string &file);

}  // namespace qemunit::ctl
