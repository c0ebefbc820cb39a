// SPDX-License-Identifier: MIT
#include "common/files/free_name.h"

#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>

namespace qemunit {

int move_to_free_name(int from_folder, const std::string &from, int to_folder,
                      const std::string &to) {
    if (renameat2(from_folder, from.c_str(), to_folder, to.c_str(), RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL)
        return errno;
    // A link replaces nothing either. Folders have none, and not all file systems have any.
    if (linkat(from_folder, from.c_str(), to_folder, to.c_str(), 0) == 0)
        return unlinkat(from_folder, from.c_str(), 0) == 0 ? 0 : errno;
    if (errno == EEXIST || errno == ENOENT)
        return errno;
    struct stat info {};
    if (fstatat(to_folder, to.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0)
        return EEXIST;
    if (errno != ENOENT)
        return errno;
    return renameat(from_folder, from.c_str(), to_folder, to.c_str()) == 0 ? 0 : errno;
}

UniqueFd make_nameless_file(int folder) {
    constexpr int kFlags = O_RDWR | O_CLOEXEC;
    UniqueFd file(openat(folder, ".", kFlags | O_TMPFILE, S_IRUSR | S_IWUSR));
    // EISDIR comes from a kernel, or a file system, that does not know the flag.
    if (file || (errno != EOPNOTSUPP && errno != EISDIR))
        return file;
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != static_cast<ssize_t>(sizeof random))
        return {};
    const std::string name = ".qemunit-" + std::to_string(random);
    file = UniqueFd(
        openat(folder, name.c_str(), kFlags | O_CREAT | O_EXCL | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    if (file && unlinkat(folder, name.c_str(), 0) != 0)
        return {};
    return file;
}

}  // namespace qemunit
