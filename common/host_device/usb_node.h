// SPDX-License-Identifier: MIT
//
// A USB device of the host that a VM has been given, opened for its QEMU: by qemunit-open when the
// VM starts, by qemunit-hostdev when it is plugged in later. QEMU itself sees no node of it.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit {

// `root` is a prefix of all paths, "" for this system. ENOENT if the VM has not been given it,
// ENODEV if it is not plugged in any more.
Result<UniqueFd> open_usb_node(const std::string &root, std::string_view vm,
                               std::string_view device);

}  // namespace qemunit
