// SPDX-License-Identifier: MIT
//
// Where the user networks of a VM are asked, each by its own control socket
// (qemu-usernet@.socket). Only looked at: who asks connects. The folder is root's, or the user's.
#pragma once

#include <map>
#include <string>

#include "common/paths.h"

namespace qemunit::bus {

// By the network's name.
std::map<std::string, std::string> usernet_sockets(const Paths &paths, const std::string &vm);

}  // namespace qemunit::bus
