// SPDX-License-Identifier: MIT
#include "tests/e2e/counting_disk.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace qemunit::e2e {

namespace {

constexpr std::size_t kSector = 512, kFirst = 8, kSlots = 128;
constexpr uint32_t kMagic = 0x544e5551;

using Sector = std::array<uint32_t, kSector / sizeof(uint32_t)>;

Sector sector(std::string_view bytes, std::size_t index) {
    Sector sector{};
    if (const std::size_t at = index * kSector; at + kSector <= bytes.size())
        std::memcpy(sector.data(), bytes.data() + at, kSector);
    return sector;
}

bool is_empty(const Sector &sector) {
    return std::ranges::all_of(sector, [](uint32_t word) { return word == 0; });
}

bool is_number(const Sector &sector) {
    return sector[0] == kMagic && sector[3] == kMagic + sector[1] + sector[2] &&
           std::all_of(sector.begin() + 4, sector.end(),
                       [&](uint32_t word) { return word == sector[1]; });
}

}  // namespace

CountingDisk read_counting_disk(std::string_view bytes) {
    CountingDisk disk;
    disk.disagrees = !is_empty(sector(bytes, 0));
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
        const Sector found = sector(bytes, kFirst + slot);
        if (is_number(found) && found[1] % kSlots == slot)
            disk.number = std::max(disk.number, found[1]);
        else if (!is_empty(found))
            disk.broken_sector = std::to_string(kFirst + slot);
    }
    return disk;
}

}  // namespace qemunit::e2e
