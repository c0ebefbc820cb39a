// SPDX-License-Identifier: MIT
#include "common/files/folder_sync.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "common/unique_fd.h"

namespace qemunit {

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

Result<> rename_durably(const std::string &from, const std::string &to) {
    if (rename(from.c_str(), to.c_str()) != 0)
        return fail_errno(errno, fmt::format("cannot rename {} to {}", from, to));
    return sync_folder_of(to);
}

}  // namespace qemunit
