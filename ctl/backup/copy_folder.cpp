// SPDX-License-Identifier: MIT
#include "ctl/backup/copy_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "ctl/output/table.h"
#include "ctl/vms/folder_tree.h"

namespace qemunit::ctl {

namespace {

constexpr char kCopies[] = "/var/tmp";
// And six characters of mkdtemp(). Nobody types such a name for a folder with backups to keep.
constexpr std::string_view kCopyPrefix = ".qemunit-stream-";
constexpr std::size_t kRandomSize = 6;
constexpr std::string_view kBackups = "backups";
constexpr uint64_t kFullBelow = 64 << 20;

// Nothing if somebody works in it, or has removed it.
UniqueFd locked(const std::string &path) {
    UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    struct stat info {};
    if (!folder || fstat(folder.get(), &info) != 0 || info.st_uid != geteuid() ||
        flock(folder.get(), LOCK_EX | LOCK_NB) != 0 || fstat(folder.get(), &info) != 0 ||
        info.st_nlink == 0)
        return {};
    return folder;
}

// In a folder with the sticky bit, what is ours is nobody else's to exchange.
void remove_copy(const std::string &path) {
    (void)remove_tree(path, [](const struct stat &) { return false; });
}

// Nothing is in it but what we make there.
bool is_copy(const UniqueFd &folder) {
    const auto entries = entries_of(folder.get());
    return entries && std::ranges::all_of(
                          *entries, [](const TreeEntry &entry) { return entry.name == kBackups; });
}

void remove_left_copies() {
    const auto copies = open_folder(kCopies);
    const auto entries = copies ? entries_of(copies->get()) : std::unexpected(copies.error());
    if (!entries)
        return;
    for (const TreeEntry &entry : *entries) {
        const std::string path = fmt::format("{}/{}", kCopies, entry.name);
        if (!entry.name.starts_with(kCopyPrefix) ||
            entry.name.size() != kCopyPrefix.size() + kRandomSize || !S_ISDIR(entry.info.st_mode))
            continue;
        if (const UniqueFd left = locked(path); left && is_copy(left))
            remove_copy(path);
    }
}

}  // namespace

Result<CopyFolder> CopyFolder::make() {
    remove_left_copies();
    // Who removes what is left may come between the folder and its lock.
    for (int tries = 0; tries < 10; ++tries) {
        std::string path = fmt::format("{}/{}XXXXXX", kCopies, kCopyPrefix);
        if (mkdtemp(path.data()) == nullptr)
            return fail_errno(errno, fmt::format("cannot make a folder in {}", kCopies));
        if (UniqueFd lock = locked(path))
            return CopyFolder(std::move(path), std::move(lock));
    }
    return fail(EBUSY, fmt::format("cannot lock a folder in {}", kCopies));
}

std::string CopyFolder::path() const {
    return fmt::format("{}/{}", outer_, kBackups);
}

CopyFolder::~CopyFolder() {
    if (lock_)
        remove_copy(outer_);
}

std::string CopyFolder::advice() const {
    struct statvfs info {};
    const uint64_t left = statvfs(kCopies, &info) == 0 ? info.f_bavail * info.f_frsize : kFullBelow;
    return left >= kFullBelow
               ? ""
               : fmt::format(
                     "; {} has {} left, and the backup is made there before it becomes a "
                     "stream: make room, or back up into a folder elsewhere",
                     kCopies, size_text(left));
}

}  // namespace qemunit::ctl
