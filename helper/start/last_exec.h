// SPDX-License-Identifier: MIT
//
// The execve(2) that makes this process QEMU, and that no code in QEMU can make again: the filter
// lets it through by the addresses of its arguments, which are random, and which nobody knows once
// they are gone with this program.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/result.h"
#include "helper/handover/system_calls.h"

namespace qemunit::helper {

// Tries the programs in their order, with the filter or without any, and returns only if none can
// be executed: why not the last one.
Error execute_last(const std::vector<std::string> &programs, const std::vector<char *> &argv,
                   std::optional<MakesSockets> filter);

}  // namespace qemunit::helper
