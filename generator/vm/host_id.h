// SPDX-License-Identifier: MIT
//
// The ID of the machine that the VMs run on, machine-id(5), for mac_address.h. Read once by who
// loads VMs. Never waits, and never makes one.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "generator/vm/vm.h"

namespace qemunit::generator {

// The ID in the system below `root`. Nothing in an image that was never booted: a running system
// has its ID before systemd runs generators.
std::optional<HostId> read_host_id(const std::string &root);

// 32 hexadecimal digits, not all of them 0, and a newline. Nothing else: "uninitialized".
std::optional<HostId> parse_host_id(std::string_view text);

}  // namespace qemunit::generator
