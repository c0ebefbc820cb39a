// SPDX-License-Identifier: MIT
//
// After Microsoft's "FAT: General Overview of On-Disk Format" 1.03: boot sector, one table of
// clusters (FAT12), root folder, clusters of one sector.
#include "helper/seed/fat_volume.h"

#include <algorithm>
#include <cstdint>

namespace qemunit::helper {

namespace {

constexpr std::size_t kSector = 512, kRootEntries = 64, kEntry = 32;
constexpr std::size_t kRootSectors = kRootEntries * kEntry / kSector;
constexpr std::size_t kClustersMax = 4084;  // more would make it a FAT16
constexpr unsigned kFirstCluster = 2, kEndOfChain = 0xfff;
constexpr char kMedia = '\xf8';                          // a disk that is not removable
constexpr unsigned kFirstDay = (0 << 9) | (1 << 5) | 1;  // 1980-01-01

constexpr std::size_t sectors(std::size_t bytes) {
    return (bytes + kSector - 1) / kSector;
}

void put(std::string &to, std::size_t at, std::uint32_t value, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i)
        to[at + i] = static_cast<char>(value >> (8 * i) & 0xff);
}

void put(std::string &to, std::size_t at, std::string_view text) {
    std::ranges::copy(text, to.begin() + static_cast<std::ptrdiff_t>(at));
}

std::string padded(std::string_view text) {
    std::string name(text);
    name.resize(11, ' ');
    return name;
}

std::string boot_sector(std::string_view label, std::size_t fat_sectors, std::size_t all_sectors) {
    std::string sector(kSector, '\0');
    put(sector, 0, "\xeb\x3c\x90QEMUNIT ");
    put(sector, 11, kSector, 2);
    put(sector, 13, 1, 1);  // sectors of a cluster
    put(sector, 14, 1, 2);  // reserved: this one
    put(sector, 16, 1, 1);  // tables
    put(sector, 17, kRootEntries, 2);
    put(sector, 19, static_cast<std::uint32_t>(all_sectors), 2);
    sector[21] = kMedia;
    put(sector, 22, static_cast<std::uint32_t>(fat_sectors), 2);
    put(sector, 24, 32, 2);    // sectors of a track
    put(sector, 26, 2, 2);     // heads
    put(sector, 36, 0x80, 1);  // the drive's number
    put(sector, 38, 0x29, 1);  // what follows is there:
    put(sector, 39, 0x71656d75, 4);
    put(sector, 43, padded(label));
    put(sector, 54, "FAT12   ");
    put(sector, 510, "\x55\xaa");
    return sector;
}

// Clusters that follow each other.
class ClusterTable {
  public:
    explicit ClusterTable(std::size_t size) : bytes_(size, '\0') {
        set(0, 0xf00 | static_cast<unsigned char>(kMedia));
        set(1, kEndOfChain);
    }

    // The first of them; 0, if there are none.
    unsigned take(std::size_t count) {
        const unsigned first = next_;
        for (std::size_t i = 0; i < count; ++i, ++next_)
            set(next_, i + 1 < count ? next_ + 1 : kEndOfChain);
        return count == 0 ? 0 : first;
    }

    const std::string &bytes() const { return bytes_; }

  private:
    // Two clusters share three bytes.
    void set(unsigned cluster, unsigned value) {
        const std::size_t at = cluster + cluster / 2;
        const auto old = static_cast<unsigned char>(bytes_[at]) |
                         static_cast<unsigned>(static_cast<unsigned char>(bytes_[at + 1])) << 8;
        const unsigned both =
            cluster % 2 == 0 ? (old & 0xf000) | value : (old & 0x000f) | value << 4;
        put(bytes_, at, both, 2);
    }

    std::string bytes_;
    unsigned next_ = kFirstCluster;
};

constexpr char kReadOnly = 0x01, kVolumeLabel = 0x08, kLongName = 0x0f;

std::string short_entry(std::string_view name, char attributes, unsigned cluster,
                        std::size_t size) {
    std::string entry(kEntry, '\0');
    put(entry, 0, padded(name));
    entry[11] = attributes;
    for (const std::size_t date : {16, 18, 24})
        put(entry, date, kFirstDay, 2);
    put(entry, 26, cluster, 2);
    put(entry, 28, static_cast<std::uint32_t>(size), 4);
    return entry;
}

// Its parts, the last one first, 13 characters of UTF-16 each.
std::string long_entries(std::string_view name, std::string_view short_name) {
    constexpr std::size_t kPlaces[] = {1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30};
    constexpr std::size_t kPart = std::size(kPlaces);
    unsigned char sum = 0;
    for (const char c : padded(short_name))
        sum = static_cast<unsigned char>((sum >> 1 | sum << 7) + static_cast<unsigned char>(c));
    const std::size_t parts = (name.size() + kPart - 1) / kPart;
    std::string entries;
    for (std::size_t part = parts; part > 0; --part) {
        std::string entry(kEntry, '\0');
        entry[0] = static_cast<char>(part | (part == parts ? 0x40 : 0));
        entry[11] = kLongName;
        entry[13] = static_cast<char>(sum);
        for (std::size_t i = 0; i < kPart; ++i) {
            const std::size_t at = (part - 1) * kPart + i;
            const unsigned character = at < name.size()    ? static_cast<unsigned char>(name[at])
                                       : at == name.size() ? 0
                                                           : 0xffff;
            put(entry, kPlaces[i], character, 2);
        }
        entries += entry;
    }
    return entries;
}

}  // namespace

Result<std::string> fat_volume(std::string_view label, std::span<const FatFile> files) {
    std::size_t clusters = 0;
    for (const FatFile &file : files)
        clusters += sectors(file.content.size());
    if (clusters > kClustersMax)
        return fail(EFBIG, "the files are too large for the volume");
    // A few free ones: a volume that is full to the last sector looks broken to some.
    const std::size_t all_clusters = std::min(clusters + 8, kClustersMax);
    const std::size_t fat_sectors = sectors((all_clusters + kFirstCluster) * 3 / 2 + 2);

    ClusterTable table(fat_sectors * kSector);
    std::string root = short_entry(label, kVolumeLabel, 0, 0);
    std::string content;
    for (const FatFile &file : files) {
        root += long_entries(file.name, file.short_name);
        root += short_entry(file.short_name, kReadOnly, table.take(sectors(file.content.size())),
                            file.content.size());
        content += file.content;
        content.resize(sectors(content.size()) * kSector);
    }
    if (root.size() > kRootEntries * kEntry)
        return fail(EFBIG, "too many files for the volume");
    root.resize(kRootSectors * kSector);
    content.resize(all_clusters * kSector);
    return boot_sector(label, fat_sectors, 1 + fat_sectors + kRootSectors + all_clusters) +
           table.bytes() + root + content;
}

}  // namespace qemunit::helper
