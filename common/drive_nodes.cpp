// SPDX-License-Identifier: MIT
#include "common/drive_nodes.h"

#include <cstdint>

#include "common/concat.h"
#include "common/shared_names.h"

namespace qemunit {

namespace {

constexpr std::size_t kNodeNameMax = 31;  // node_name in include/block/block_int-common.h of QEMU

// What a name has too much makes way for a hash of the whole (FNV-1a).
std::string node(std::string_view kind, std::string_view drive, unsigned layer) {
    const std::string begin = concat(kOwnIds, kind, layer == 0 ? "" : std::to_string(layer), "-");
    if (begin.size() + drive.size() <= kNodeNameMax)
        return begin + std::string(drive);
    uint32_t hash = 2166136261;
    for (const char c : drive)
        hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
    std::string digits;
    for (int shift = 28; shift >= 0; shift -= 4)
        digits += "0123456789abcdef"[hash >> shift & 15];
    const std::size_t kept = kNodeNameMax - begin.size() - digits.size() - 1;
    return concat(begin, drive.substr(0, kept), "-", digits);
}

}  // namespace

std::string image_node(std::string_view drive, unsigned layer) {
    return node("image", drive, layer);
}

std::string file_node(std::string_view drive, unsigned layer) {
    return node("file", drive, layer);
}

std::string fd_set_path(unsigned set) {
    return concat("/dev/fdset/", std::to_string(set));
}

}  // namespace qemunit
