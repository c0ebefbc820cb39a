// SPDX-License-Identifier: MIT
#include "ctl/vms/folder_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>

namespace qemunit::ctl {

namespace {

constexpr int kDeepest = 64;

TreeSize size_at(int folder, int depth) {
    TreeSize size;
    const auto entries = entries_of(folder);
    for (const TreeEntry &entry : entries.value_or(std::vector<TreeEntry>{})) {
        if (!S_ISDIR(entry.info.st_mode)) {
            ++size.files;
            size.bytes += static_cast<uint64_t>(entry.info.st_blocks) * 512;
        } else if (depth < kDeepest) {
            if (const auto inner = open_beneath(folder, entry.name, O_RDONLY | O_DIRECTORY)) {
                const TreeSize more = size_at(inner->get(), depth + 1);
                size.files += more.files;
                size.bytes += more.bytes;
            }
        }
    }
    return size;
}

Result<bool> empty_folder(int folder, const std::string &path, const IsKept &is_kept, int depth) {
    if (depth == kDeepest)
        return fail(ELOOP, path + " is too deep a tree; remove it by hand");
    const auto entries = entries_of(folder);
    if (!entries)
        return fail(entries.error().code, fmt::format("{}: {}", path, entries.error().message));
    bool is_empty = true;
    for (const TreeEntry &entry : *entries) {
        const std::string inner_path = path + "/" + entry.name;
        if (is_kept(entry.info)) {
            is_empty = false;
            continue;
        }
        bool is_gone = true;
        if (S_ISDIR(entry.info.st_mode)) {
            const auto inner = open_beneath(folder, entry.name, O_RDONLY | O_DIRECTORY);
            if (!inner)
                return fail(inner.error().code,
                            fmt::format("cannot remove {}: {}", inner_path,
                                        inner.error().code == EXDEV ? "something is mounted there"
                                                                    : inner.error().message));
            const auto emptied = empty_folder(inner->get(), inner_path, is_kept, depth + 1);
            if (!emptied)
                return emptied;
            is_gone = *emptied;
        }
        const int flags = S_ISDIR(entry.info.st_mode) ? AT_REMOVEDIR : 0;
        if (is_gone && unlinkat(folder, entry.name.c_str(), flags) != 0 && errno != ENOENT)
            return fail_errno(errno, "cannot remove " + inner_path);
        is_empty = is_empty && is_gone;
    }
    return is_empty;
}

}  // namespace

Result<UniqueFd> open_folder(const std::string &path) {
    UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return folder ? Result<UniqueFd>(std::move(folder)) : fail_errno(errno, "cannot open " + path);
}

Result<UniqueFd> open_beneath(int folder, const std::string &name, int flags) {
    open_how how{};
    how.flags = static_cast<uint64_t>(flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
    UniqueFd file(static_cast<int>(syscall(SYS_openat2, folder, name.c_str(), &how, sizeof how)));
    return file ? Result<UniqueFd>(std::move(file)) : fail_errno(errno, "cannot open " + name);
}

Result<std::vector<TreeEntry>> entries_of(int folder) {
    struct Closer {
        void operator()(DIR *dir) const { closedir(dir); }
    };
    UniqueFd again(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::unique_ptr<DIR, Closer> dir(again ? fdopendir(again.get()) : nullptr);
    if (!dir)
        return fail_errno(errno, "cannot list it");
    (void)again.release();  // the stream's
    std::vector<TreeEntry> entries;
    for (const dirent *found = nullptr; (errno = 0, found = readdir(dir.get())) != nullptr;) {
        TreeEntry entry{.name = found->d_name, .info = {}};
        if (entry.name == "." || entry.name == "..")
            continue;
        if (fstatat(folder, found->d_name, &entry.info, AT_SYMLINK_NOFOLLOW) == 0)
            entries.push_back(std::move(entry));
    }
    if (errno != 0)
        return fail_errno(errno, "cannot list it");
    std::ranges::sort(entries, {}, &TreeEntry::name);
    return entries;
}

TreeSize tree_size(int folder) {
    return size_at(folder, 0);
}

Result<bool> remove_tree(const std::string &path, const IsKept &is_kept) {
    struct stat info {};
    if (lstat(path.c_str(), &info) != 0)
        return errno == ENOENT ? Result<bool>(true) : fail_errno(errno, "cannot remove " + path);
    const auto folder = open_folder(path);
    if (!folder)
        return std::unexpected(folder.error());
    const auto emptied = empty_folder(folder->get(), path, is_kept, 0);
    if (!emptied || !*emptied)
        return emptied;
    if (S_ISLNK(info.st_mode)) {
        std::error_code error;
        const std::string real = std::filesystem::canonical(path, error);
        if (unlink(path.c_str()) != 0)
            return fail_errno(errno, "cannot remove " + path);
        return error || rmdir(real.c_str()) == 0 || errno == EBUSY;
    }
    if (rmdir(path.c_str()) == 0)
        return true;
    return errno == EBUSY ? Result<bool>(false) : fail_errno(errno, "cannot remove " + path);
}

}  // namespace qemunit::ctl
