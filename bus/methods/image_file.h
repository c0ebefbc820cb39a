// SPDX-License-Identifier: MIT
//
// What kind of file a caller has handed over as an image, by its descriptor. The methods that give
// such a file to QEMU ask here first. Trusts nothing in the file: the caller may change it any
// time.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace qemunit::bus {

enum class ImageKind { none, file, block_device };

// Asks only the kernel: a file system that is served by somebody's program (FUSE) may answer late
// or never.
ImageKind image_kind(int fd);

// As much of a qcow2 image as is looked at; never read in the loop (bus/access/file_beginning.h).
inline constexpr std::size_t kQcow2HeaderSize = 80;

// For people, which further file QEMU would open for a qcow2 image; "" if there is none, or if the
// file is no qcow2 image, which QEMU says itself. `header`: the first bytes of the file.
std::string qcow2_fault(std::string_view header);

}  // namespace qemunit::bus
