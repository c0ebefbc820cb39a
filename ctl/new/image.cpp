// SPDX-License-Identifier: MIT
#include "ctl/new/image.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string_view>
#include <utility>

#include "common/ascii.h"
#include "common/files/disk_image.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;
using namespace std::literals;

constexpr std::size_t kSector = 512;
constexpr std::size_t kLayersMax = 16;

std::string bytes_at(int file, off_t offset, std::size_t size) {
    std::string bytes(size, '\0');
    const ssize_t n = pread(file, bytes.data(), size, offset);
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
}

// ECMA-119, 8: the first volume descriptor is in sector 16.
bool is_iso(int file) {
    return bytes_at(file, 16 * 2048 + 1, 5) == "CD001";
}

struct Packed {
    std::string_view mark, what, unpack;
};
constexpr Packed kPacked[] = {
    {"\xfd"
     "7zXZ\0"sv,
     "compressed with xz", "xz -dk"},
    {"\x1f\x8b"sv, "compressed with gzip", "gunzip -k"},
    {"\x28\xb5\x2f\xfd"sv, "compressed with zstd", "zstd -d"},
    {"BZh"sv, "compressed with bzip2", "bunzip2 -k"},
    {"PK\x03\x04"sv, "a zip archive", "unzip"},
};

// "" if QEMU can read it as it is.
std::string packed_as(int file, const std::string &path) {
    const std::string begin = bytes_at(file, 0, 8);
    for (const auto &[mark, what, unpack] : kPacked)
        if (begin.starts_with(mark))
            return fmt::format("{} is {}; unpack it first: {} {}", path, what, unpack, path);
    if (bytes_at(file, 257, 5) == "ustar")
        return fmt::format("{0} is a tar archive; unpack it first: tar -xf {0}", path);
    return "";
}

Result<UniqueFd> open_file(const std::string &path) {
    UniqueFd file = open_image(path);
    if (file)
        return file;
    struct stat info{};
    if (stat(path.c_str(), &info) != 0)
        return fail_errno(errno, "cannot open " + path);
    if (S_ISREG(info.st_mode) || S_ISBLK(info.st_mode))
        return fail_errno(EACCES, "cannot open " + path);
    return fail(EINVAL, path + " is neither a file nor a block device");
}

uint64_t length_of(int file) {
    const off_t end = lseek(file, 0, SEEK_END);
    return end > 0 ? static_cast<uint64_t>(end) : 0;
}

// What an ini file can hold as a path.
Result<> check_path(const std::string &path) {
    const auto is_control = [](char c) {
        return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
    };
    if (std::ranges::any_of(path, is_control) || path.ends_with(' '))
        return fail(EINVAL, path + ": an ini file cannot hold this path; rename the file");
    return {};
}

// The files below an image, whose format and header are known. A header may name any file of the
// host, which a guest would then read: only what lies beside the image counts as brought along with
// it.
Result<std::vector<std::string>> layers_below(const std::string &image, int first) {
    std::vector<std::string> layers;
    std::string path = image;
    UniqueFd held;
    for (int file = first; file >= 0;) {
        if (has_external_data(file))
            return fail(EINVAL, path +
                                    " has its data in another file; make one file of it first: "
                                    "qemu-img convert -O qcow2");
        const BackingFile backing = backing_by_content(file);
        if (backing.path.empty())
            return layers;
        const fs::path below = fs::path(path).parent_path() / backing.path;
        std::error_code error;
        const std::string real = fs::canonical(below, error);
        if (error)
            return fail(error.value(), fmt::format("{} is a layer on {}: {}", path, backing.path,
                                                   error.message()));
        if (fs::path(real).parent_path() != fs::path(image).parent_path())
            return fail(EPERM,
                        fmt::format("{0} is a layer on {1}, which is in another folder, and so the "
                                    "guest would read that file. If it shall, make one image of "
                                    "both: qemu-img convert -O qcow2 {0} NEW",
                                    path, real));
        if (real == image || std::ranges::find(layers, real) != layers.end() ||
            layers.size() == kLayersMax)
            return fail(ELOOP, fmt::format("{} is a layer on itself, or on too many", image));
        if (auto legal = check_path(real); !legal)
            return std::unexpected(legal.error());
        auto opened = open_file(real);
        if (!opened)
            return std::unexpected(opened.error());
        layers.push_back(real);
        path = real;
        held = std::move(*opened);
        file = held.get();
    }
    return layers;
}

}  // namespace

Result<Image> read_image(const std::string &path) {
    std::error_code error;
    Image image;
    image.path = fs::canonical(path, error);
    if (error)
        return fail(error.value(), fmt::format("cannot open {}: {}", path, error.message()));
    if (auto legal = check_path(image.path); !legal)
        return std::unexpected(legal.error());
    const auto file = open_file(image.path);
    if (!file)
        return std::unexpected(file.error());
    if (std::string packed = packed_as(file->get(), path); !packed.empty())
        return fail(EINVAL, std::move(packed));
    if (length_of(file->get()) < kSector)
        return fail(EINVAL, path + " is no disk image: it has not even one sector");
    image.is_iso = is_iso(file->get());
    image.format = format_by_content(file->get());
    if (image.format == "vmdk" && bytes_at(file->get(), 0, 1) == "#")
        return fail(EINVAL, path +
                                " only describes an image, which is in other files; make one "
                                "file of it first: qemu-img convert -O qcow2 " +
                                path + " NEW");
    if (image.format.empty()) {
        image.format = "raw";
        image.size = length_of(file->get());
        if (image.size % kSector != 0)
            return fail(EINVAL, fmt::format("{} is no disk image: its {} bytes are no whole "
                                            "sectors of {}; is it complete?",
                                            path, image.size, kSector));
        image.has_boot_sector =
            image.is_iso || bytes_at(file->get(), kSector - 2, 2) == "\x55\xaa"sv;
    } else {
        image.size = size_by_content(file->get(), image.format).value_or(0);
    }
    auto layers = layers_below(image.path, file->get());
    if (!layers)
        return std::unexpected(layers.error());
    image.layers = std::move(*layers);
    return image;
}

}  // namespace qemunit::ctl
