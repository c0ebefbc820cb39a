// SPDX-License-Identifier: MIT
//
// `qemunitctl proxy`: ProxyCommand= of ssh_config(5) for guests. Finds the guest's SSH server,
// waits for it, and gives ssh the connection.
#pragma once

#include <systemd/sd-bus.h>

#include <optional>
#include <string>
#include <string_view>

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

// What ssh calls a guest: "qemu/vm1" and "qemu-user/vm1"; or "vm1.qemu" and "vm1.qemu-user", since
// scp(1) and rsync(1) take what has a slash for a path.
struct SshTarget {
    std::string vm;
    std::optional<Invocation::Bus> bus;  // none: it is the plain name of a VM
};
std::optional<SshTarget> parse_ssh_target(std::string_view text);

// The error says how to start it. A VM that is starting counts as one that runs.
Result<> check_that_it_runs(sd_bus *bus, const std::string &vm);

Result<int> run_ssh_proxy(const Invocation &invocation);

}  // namespace qemunit::ctl
