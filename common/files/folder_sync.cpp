// SPDX-License-Identifier: MIT
#include "common/files/folder_sync.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "common/unique_fd.h"

namespace qemunit {

namespace {

constexpr std::size_t kSmallTextMax = 32u << 10;  // bytes

}  // namespace

Result<> sync_folder_of(const std::string &path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    const UniqueFd fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd && errno == ENOENT)
        return {};  // no folder, and so no file
    // EINVAL: a file system that does not sync folders, and needs no sync.
    if (!fd || (fsync(fd.get()) != 0 && errno != EINVAL))
        return fail_errno(errno, "cannot write the folder " + folder);
    return {};
}

Result<> write_new_text(const std::string &path, std::string_view text) {
    unlink(path.c_str());
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                               S_IRUSR | S_IWUSR));
    if (!file)
        return fail_errno(errno, "cannot create " + path);
    if (write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        fsync(file.get()) != 0)
        return fail_errno(errno, "cannot write " + path);
    return {};
}

std::optional<std::string> read_small_text(const std::string &path) {
    const UniqueFd file(
        ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY));
    struct stat status {};
    if (!file || fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode))
        return std::nullopt;
    std::string text(kSmallTextMax, '\0');
    const ssize_t size = pread(file.get(), text.data(), text.size(), 0);
    if (size <= 0)
        return std::nullopt;
    text.resize(static_cast<std::size_t>(size));
    return text;
}

Result<> rename_durably(const std::string &from, const std::string &to) {
    if (rename(from.c_str(), to.c_str()) != 0)
        return fail_errno(errno, fmt::format("cannot rename {} to {}", from, to));
    return sync_folder_of(to);
}

}  // namespace qemunit
