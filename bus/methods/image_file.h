// SPDX-License-Identifier: MIT
//
// What the file is that a caller has handed over as an image, by its descriptor. The methods that
// give one to QEMU ask here first. Trusts nothing in it: whoever holds the file may change it.
#pragma once

#include <string>
#include <string_view>

namespace qemunit::bus {

enum class ImageKind { none, file, block_device };

// Asks the kernel alone: a file system that somebody serves by a program (FUSE) answers when it
// likes.
ImageKind image_kind(int fd);

// What of a qcow2 image QEMU would open beside it, for people; "" if nothing, or if it is no qcow2
// image, which QEMU says itself. `header`: its first bytes.
std::string qcow2_fault(std::string_view header);
// The same of an open one. Waits for the file system.
std::string qcow2_fault(int fd);

}  // namespace qemunit::bus
