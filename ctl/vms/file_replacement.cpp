// SPDX-License-Identifier: MIT
#include "ctl/vms/file_replacement.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <system_error>

#include "common/files/free_name.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

namespace {

std::unexpected<Error> cannot_replace(const std::string &path, int error) {
    return fail(error,
                fmt::format("cannot write {}: {}", path, std::generic_category().message(error)));
}

// errno, or 0.
int write_like(int file, const struct stat &like, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = write(file, text.data(), text.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    // Whoever is not root owns the file already, or may not give it away.
    if (geteuid() == 0 && fchown(file, like.st_uid, like.st_gid) != 0)
        return errno;
    return fchmod(file, like.st_mode & 07777) != 0 || fsync(file) != 0 ? errno : 0;
}

}  // namespace

Result<> write_file_like(const struct stat &like, const std::string &path, std::string_view text,
                         Replaces replaces) {
    namespace fs = std::filesystem;
    const fs::path whole(path);
    std::error_code error;
    fs::create_directories(whole.parent_path(), error);
    if (error)
        return cannot_replace(path, error.value());
    // No *.ini and no *.conf, so that nobody reads it. One of a run that was cut short is in the
    // way.
    const std::string unfinished =
        (whole.parent_path() / fmt::format(".{}.new", whole.filename().native())).native();
    unlink(unfinished.c_str());
    UniqueFd file(open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                       S_IRUSR | S_IWUSR));
    if (!file)
        return cannot_replace(path, errno);
    int failed = write_like(file.get(), like, text);
    if (failed == 0 && replaces == Replaces::no)
        failed = move_to_free_name(AT_FDCWD, unfinished, AT_FDCWD, path);
    else if (failed == 0 && rename(unfinished.c_str(), path.c_str()) != 0)
        failed = errno;
    if (failed != 0) {
        unlink(unfinished.c_str());
        return cannot_replace(path, failed);
    }
    sync_folder_of(path);
    return {};
}

void sync_folder_of(const std::string &path) {
    const std::string folder = std::filesystem::path(path).parent_path();
    const UniqueFd opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (opened)
        fsync(opened.get());
}

}  // namespace qemunit::ctl
