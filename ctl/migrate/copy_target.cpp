// SPDX-License-Identifier: MIT
#include "ctl/migrate/copy_target.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "common/files/disk_image.h"
#include "common/files/named_file.h"

namespace qemunit::ctl {

namespace {

constexpr uint64_t kSectorSize = 512;       // QEMU counts the last one whole
constexpr std::size_t kL1Most = 32u << 20;  // bytes, QEMU's own limit (QCOW_MAX_L1_SIZE)

// What of a raw image is no hole is read for zeroes, up to so much.
constexpr uint64_t kReadMost = 64u << 20;

// As root, not where somebody with fewer rights leads.
Result<UniqueFd> open_here(const std::string &path) {
    if (geteuid() == 0)
        return open_named_file(path, /*write=*/false, std::nullopt);
    UniqueFd file = open_image(path);
    return file ? Result<UniqueFd>(std::move(file)) : fail_errno(errno, "cannot open " + path);
}

bool read_whole(int image, char *to, std::size_t size, uint64_t offset) {
    for (std::size_t done = 0; done < size;) {
        const ssize_t n = pread(image, to + done, size - done, static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        done += static_cast<std::size_t>(n);
    }
    return true;
}

uint64_t big_endian(const char *bytes, std::size_t size) {
    uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i)
        value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return value;
}

// Of QEMU's docs/interop/qcow2.txt: no cluster is where a table of the first level has no entry.
bool is_blank_qcow2(int image) {
    char header[72];
    if (format_by_content(image) != "qcow2" || !backing_by_content(image).path.empty() ||
        has_external_data(image) || !read_whole(image, header, sizeof header, 0))
        return false;
    const uint64_t entries = big_endian(header + 36, 4), table = big_endian(header + 40, 8),
                   snapshots = big_endian(header + 60, 4);
    if (snapshots != 0 || entries * 8 > kL1Most)
        return false;
    std::vector<char> bytes(entries * 8);
    return read_whole(image, bytes.data(), bytes.size(), table) &&
           std::ranges::all_of(bytes, [](char byte) { return byte == 0; });
}

// Only a file whose birth is known is known again.
bool is_same(const CopiedImage &one, const CopiedImage &other) {
    return one.device == other.device && one.inode == other.inode && one.born == other.born &&
           one.born != 0;
}

uint64_t birth_of(int image) {
    struct statx info {};
    if (statx(image, "", AT_EMPTY_PATH, STATX_BTIME, &info) != 0 ||
        (info.stx_mask & STATX_BTIME) == 0)
        return 0;
    return static_cast<uint64_t>(info.stx_btime.tv_sec) * 1'000'000'000 + info.stx_btime.tv_nsec;
}

bool has_only_zeroes(int image, uint64_t begin, uint64_t end) {
    std::vector<char> bytes(256u << 10);
    for (uint64_t at = begin; at < end; at += bytes.size()) {
        bytes.resize(std::min<uint64_t>(bytes.size(), end - at));
        if (!read_whole(image, bytes.data(), bytes.size(), at) ||
            std::ranges::any_of(bytes, [](char byte) { return byte != 0; }))
            return false;
    }
    return true;
}

// qemu-img writes zeroes into the first block of an image.
bool is_blank_raw(int image) {
    uint64_t read = 0;
    for (off_t at = 0;;) {
        const off_t begin = lseek(image, at, SEEK_DATA);
        if (begin < 0)
            return errno == ENXIO;
        const off_t end = lseek(image, begin, SEEK_HOLE);
        if (end <= begin || (read += static_cast<uint64_t>(end - begin)) > kReadMost ||
            !has_only_zeroes(image, static_cast<uint64_t>(begin), static_cast<uint64_t>(end)))
            return false;
        at = end;
    }
}

}  // namespace

bool is_blank(int image, std::string_view format) {
    if (format == "qcow2")
        return is_blank_qcow2(image);
    struct stat status {};
    if (format != "raw" || fstat(image, &status) != 0 || !S_ISREG(status.st_mode))
        return false;
    return is_blank_raw(image);
}

CopyTarget copy_target(const std::string &drive, const std::string &path, std::string_view format,
                       const std::optional<UnfinishedCopy> &unfinished) {
    CopyTarget target;
    const auto refuse = [&](std::string why) {
        target.refusal = fmt::format("[Drive {}]: {}", drive, why);
        return target;
    };
    const auto file = open_here(path);
    struct stat status {};
    if (!file || fstat(file->get(), &status) != 0)
        return refuse(file ? fmt::format("cannot look at {}: {}", path, std::strerror(errno))
                           : file.error().message);
    if (!S_ISREG(status.st_mode))
        return refuse(fmt::format("{} is no file, and only into a file disks are copied", path));
    const auto length = size_by_content(file->get(), format);
    if (!length)
        return refuse(
            fmt::format("{} is no image of Format={}, or of one that disks are copied into (raw, "
                        "qcow2)",
                        path, format));
    target.length = (*length + kSectorSize - 1) / kSectorSize * kSectorSize;
    target.image = {drive, status.st_dev, status.st_ino, birth_of(file->get())};
    const bool is_of_copy =
        unfinished && std::ranges::any_of(unfinished->images, [&](const CopiedImage &image) {
            return is_same(image, target.image);
        });
    if (!is_of_copy && !is_blank(file->get(), format))
        return refuse(
            fmt::format("{} has data, which a copy would write over; if nobody needs it, remove "
                        "that file",
                        path));
    return target;
}

}  // namespace qemunit::ctl
