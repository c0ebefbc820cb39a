// SPDX-License-Identifier: MIT
#include "common/files/named_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "common/concat.h"
#include "common/files/trusted_path.h"

namespace qemunit {

namespace {

Result<> check_kind(const UniqueFd &fd, const std::string &path, struct stat &status) {
    if (fstat(fd.get(), &status) != 0)
        return fail_errno(errno, "cannot look at " + path);
    if (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode))
        return {};
    return fail(EINVAL, path + " is neither a file nor a block device");
}

// A file with several names may be somebody else's, to whom the folder's owner has made a link.
Result<> check_owner(const FoundPath &found, const struct stat &status, const std::string &path) {
    if (found.is_only_roots || status.st_nlink == 1 || status.st_uid == found.folder_owner)
        return {};
    return fail(EPERM,
                concat(path, " has ", std::to_string(status.st_nlink),
                       " names, and is not of the user whose folder it is in, who may have made a "
                       "link to what is not his; give it to that user, or remove the other names"));
}

}  // namespace

Result<UniqueFd> open_named_file(const std::string &path, bool write,
                                 const std::optional<Account> &user) {
    const int flags = (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    struct stat status {};
    const auto found = find_path(path);
    if (found)
        if (auto checked = check_kind(found->fd, path, status); !checked)
            return std::unexpected(checked.error());
    if (user) {
        auto file = open_for(*user, path, flags);
        if (!file)
            return file;
        if (auto checked = check_kind(*file, path, status); !checked)
            return std::unexpected(checked.error());
        return file;
    }
    if (!found)
        return std::unexpected(found.error());
    if (auto checked = check_owner(*found, status, path); !checked)
        return std::unexpected(checked.error());
    UniqueFd file = reopen(found->fd, flags);
    return file ? Result<UniqueFd>(std::move(file)) : fail_errno(errno, "cannot open " + path);
}

}  // namespace qemunit
