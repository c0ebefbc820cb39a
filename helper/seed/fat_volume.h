// SPDX-License-Identifier: MIT
//
// A FAT file system with a few files in its root folder, as the bytes of a disk image: what
// cloud-init reads as a NoCloud seed. For qemunit-seed. The same files give the same bytes. Pure.
//
// Not QEMU's own vvfat, which opens the files by their names as QEMU's user, again and again while
// the guest runs.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/result.h"

namespace qemunit::helper {

struct FatFile {
    std::string_view name;        // up to 255 characters of ASCII, unlike any other's
    std::string_view short_name;  // "USER-D~1": 8 characters at most, and no suffix
    std::string_view content;
};

// `label`: up to 11 characters. Fails for more than FAT12 has room for, some 2 MB.
Result<std::string> fat_volume(std::string_view label, std::span<const FatFile> files);

}  // namespace qemunit::helper
