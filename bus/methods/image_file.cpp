// SPDX-License-Identifier: MIT
//
// The header: docs/interop/qcow2.txt of QEMU.
#include "bus/methods/image_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>

namespace qemunit::bus {

namespace {

constexpr std::string_view kMagic = "QFI\xfb";
constexpr uint64_t kExternalDataFile = 1u << 2;  // of the incompatible features

uint64_t big_endian(std::string_view bytes) {
    uint64_t number = 0;
    for (const char byte : bytes)
        number = number << 8 | static_cast<unsigned char>(byte);
    return number;
}

}  // namespace

ImageKind image_kind(int fd) {
    struct statx info {};
    if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &info) != 0)
        return ImageKind::none;
    return S_ISREG(info.stx_mode)   ? ImageKind::file
           : S_ISBLK(info.stx_mode) ? ImageKind::block_device
                                    : ImageKind::none;
}

std::string qcow2_fault(std::string_view header) {
    if (!header.starts_with(kMagic) || header.size() < kQcow2HeaderSize)
        return "";
    const uint64_t version = big_endian(header.substr(4, 4));
    if (big_endian(header.substr(8, 8)) != 0)
        return "The image has a backing file, which QEMU would open as well; make one that stands "
               "alone (qemu-img convert -O qcow2)";
    if (version >= 3 && (big_endian(header.substr(72, 8)) & kExternalDataFile))
        return "The image has an external data file, which QEMU would open as well; make one that "
               "stands alone (qemu-img convert -O qcow2)";
    return "";
}

}  // namespace qemunit::bus
