// SPDX-License-Identifier: MIT
//
// What a qcow2 image says that it is a layer on: a path that its ini need not name, and that QEMU
// opens all the same. For `--check` and for a start that failed; never at boot.
#pragma once

#include <optional>
#include <string>

namespace qemunit::generator {

// The backing file's absolute path. Nothing if the image is not a qcow2 image, has no backing file,
// or names one behind a protocol ("nbd:…", "json:…"). Nothing either if a symbolic link is on the
// way to the image: the VM's user may have laid it, to lead us to somebody else's file.
std::optional<std::string> backing_file_of(const std::string &image);

}  // namespace qemunit::generator
