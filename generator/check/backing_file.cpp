// SPDX-License-Identifier: MIT
#include "generator/check/backing_file.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <span>

#include "common/unique_fd.h"

namespace qemunit::generator {

namespace {

UniqueFd open_image(const std::string &image) {
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
    how.resolve = RESOLVE_NO_SYMLINKS;
    UniqueFd file(
        static_cast<int>(syscall(SYS_openat2, AT_FDCWD, image.c_str(), &how, sizeof how)));
    struct stat info {};
    if (!file || fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode))
        file.reset();
    return file;
}

uint64_t big_endian(std::span<const unsigned char> bytes) {
    uint64_t value = 0;
    for (const unsigned char byte : bytes)
        value = value << 8 | byte;
    return value;
}

}  // namespace

// docs/interop/qcow2.txt of QEMU: magic, version, then where the name begins and how long it is.
std::optional<std::string> backing_file_of(const std::string &image) {
    constexpr std::size_t kNameMax = 1023;
    constexpr uint64_t kMagic = 0x514649fb;
    const UniqueFd file = open_image(image);
    unsigned char header[20];
    if (!file || pread(file.get(), header, sizeof header, 0) != sizeof header)
        return std::nullopt;
    const std::span<const unsigned char> all(header);
    const uint64_t begin = big_endian(all.subspan(8, 8)), size = big_endian(all.subspan(16, 4));
    if (big_endian(all.first(4)) != kMagic || begin == 0 || begin > INT32_MAX || size == 0 ||
        size > kNameMax)
        return std::nullopt;
    std::string name(size, '\0');
    if (pread(file.get(), name.data(), size, static_cast<off_t>(begin)) !=
            static_cast<ssize_t>(size) ||
        name.find('\0') != name.npos)
        return std::nullopt;
    if (const std::size_t colon = name.find(':'); colon < name.find('/'))
        return std::nullopt;
    return (std::filesystem::path(image).parent_path() / name).lexically_normal().string();
}

}  // namespace qemunit::generator
