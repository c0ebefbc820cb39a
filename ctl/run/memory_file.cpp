// SPDX-License-Identifier: MIT
#include "ctl/run/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace qemunit::ctl {

namespace {

constexpr std::size_t kChunk = 1 << 20;
constexpr off_t kMost = off_t{4} << 30;

Result<UniqueFd> open_to_read(const std::string &path) {
    UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    struct stat info{};
    if (!file || fstat(file.get(), &info) != 0)
        return fail_errno(errno, "cannot read " + path);
    if (!S_ISREG(info.st_mode))
        return fail(EINVAL, path + " is not a regular file");
    if (info.st_size > kMost)
        return fail(EFBIG, path + " is larger than 4 GB");
    return file;
}

template <typename Take>
Result<> read_all_of(const std::string &path, Take take) {
    const auto file = open_to_read(path);
    if (!file)
        return std::unexpected(file.error());
    std::vector<char> buffer(kChunk);
    for (;;) {
        const ssize_t n = read(file->get(), buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(errno, "cannot read " + path);
        if (n == 0)
            return {};
        if (auto taken = take(std::string_view(buffer.data(), static_cast<std::size_t>(n))); !taken)
            return taken;
    }
}

}  // namespace

Result<UniqueFd> make_memory_file(const char *name) {
    UniqueFd file(memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING));
    // QEMU may be another user, who opens it anew by its number.
    if (!file || fchmod(file.get(), 0444) != 0)
        return fail_errno(errno, "cannot make a file in memory");
    return file;
}

Result<> append_bytes(int file, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = write(file, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_errno(n < 0 ? errno : ENOSPC, "cannot write a file in memory");
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Result<> append_file(int file, const std::string &path) {
    return read_all_of(path, [file](std::string_view bytes) { return append_bytes(file, bytes); });
}

Result<> seal(int file) {
    if (fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
        return fail_errno(errno, "cannot seal a file in memory");
    return {};
}

}  // namespace qemunit::ctl
