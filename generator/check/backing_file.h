// SPDX-License-Identifier: MIT
//
// What a qcow2 image says that it is a layer on: a path that its ini need not name, and that QEMU
// opens all the same. For `--check` and for a start that failed; never at boot.
#pragma once

#include <optional>
#include <string>

namespace qemunit::generator {

// Its absolute path. Nothing if the image is none of qcow2, has none, has it behind a protocol
// ("nbd:…", "json:…"), or is behind a symbolic link: what the VM's user laid out leads us nowhere.
std::optional<std::string> backing_file_of(const std::string &image);

}  // namespace qemunit::generator
