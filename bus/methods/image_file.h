// SPDX-License-Identifier: MIT
//
// What kind of file a caller has handed over as an image, by its descriptor. The methods that give
// such a file to QEMU ask here first. Trusts nothing in the file: the caller may change it any
// time.
#pragma once

#include <string>
#include <string_view>

namespace qemunit::bus {

enum class ImageKind { none, file, block_device };

// Asks only the kernel: a file system that is served by somebody's program (FUSE) may answer late
// or never.
ImageKind image_kind(int fd);

// For people, which further file QEMU would open for a qcow2 image; "" if there is none, or if the
// file is no qcow2 image, which QEMU says itself. `header`: the first bytes of the file.
std::string qcow2_fault(std::string_view header);
// The same for an open file. Waits for the file system.
std::string qcow2_fault(int fd);

}  // namespace qemunit::bus
