// SPDX-License-Identifier: MIT
#include "ctl/vms/folder_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <utility>

#include "common/files/free_name.h"
#include "common/unique_fd.h"
#include "ctl/new/disk_copy.h"
#include "ctl/output/table.h"
#include "ctl/vms/folder_tree.h"

namespace qemunit::ctl {

namespace {

constexpr uint64_t kRoomForOthers = 64 << 20;
constexpr mode_t kModes = 0777;

Result<> copy_entry(int from, int to, const TreeEntry &entry, const std::string &path, uid_t owner,
                    FolderCopy &copy) {
    if (S_ISDIR(entry.info.st_mode)) {
        const auto inner = open_beneath(from, entry.name, O_RDONLY | O_DIRECTORY);
        if (!inner)
            return fail(inner.error().code,
                        fmt::format("cannot copy {}: {}", path,
                                    inner.error().code == EXDEV ? "something is mounted there"
                                                                : inner.error().message));
        if (mkdirat(to, entry.name.c_str(), S_IRWXU) != 0)
            return fail_errno(errno, "cannot create the copy of " + path);
        const auto made = open_beneath(to, entry.name, O_RDONLY | O_DIRECTORY);
        return made ? copy_folder(inner->get(), made->get(), path, copy)
                    : Result<>(std::unexpected(made.error()));
    }
    if (!S_ISREG(entry.info.st_mode)) {
        // A socket is made anew at each start.
        if (!S_ISSOCK(entry.info.st_mode))
            copy.skipped.push_back(path);
        return {};
    }
    const auto file = open_beneath(from, entry.name, O_RDONLY);
    struct stat info {};
    if (!file || fstat(file->get(), &info) != 0)
        return fail_errno(file ? errno : file.error().code, "cannot open " + path);
    if (info.st_nlink > 1 && info.st_uid != owner)
        return fail(EPERM, path + " is also elsewhere, as somebody else's file");
    return copy_file(file->get(), to, entry.name, path, copy);
}

bool is_left_out(const std::string &name, const std::string &beginning) {
    return !beginning.empty() && name.starts_with(beginning);
}

uint64_t occupied(const struct stat &info) {
    return static_cast<uint64_t>(info.st_blocks) * 512;
}

}  // namespace

Result<> copy_folder(int from, int to, const std::string &path, FolderCopy &copy) {
    struct stat info {};
    const auto entries = entries_of(from);
    if (!entries || fstat(from, &info) != 0)
        return fail_errno(errno, "cannot read " + path);
    // Names count in the first folder alone.
    const std::string left_out = std::exchange(copy.left_out, {});
    for (const TreeEntry &entry : *entries)
        if (!is_left_out(entry.name, left_out))
            if (auto copied =
                    copy_entry(from, to, entry, path + "/" + entry.name, info.st_uid, copy);
                !copied)
                return copied;
    return {};
}

Result<> copy_file(int from, int folder, const std::string &name, const std::string &path,
                   FolderCopy &copy) {
    struct stat info {};
    if (fstat(from, &info) != 0)
        return fail_errno(errno, "cannot read " + path);
    UniqueFd made(openat(folder, name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                         S_IRUSR | S_IWUSR));
    if (!made)
        return fail_errno(errno, "cannot create the copy of " + path);
    const auto cannot = [&](const Error &why) {
        return fail(why.code, fmt::format("cannot copy {}: {}", path, why.message));
    };
    if (auto copied = copy_bytes(from, made.get(), copy.stops); !copied)
        return cannot(copied.error());
    if (copy.on_file)
        if (auto done = copy.on_file(made.get(), path); !done)
            return cannot(done.error());
    if (fchmod(made.get(), info.st_mode & kModes) != 0 || fsync(made.get()) != 0)
        return fail_errno(errno, "cannot write the copy of " + path);
    ++copy.files;
    return {};
}

uint64_t needed_room(int file, int to) {
    struct stat info {};
    if (fstat(file, &info) != 0 || info.st_blocks == 0)
        return 0;
    const UniqueFd trial = make_nameless_file(to);
    if (trial && ioctl(trial.get(), FICLONE, file) == 0)
        return 0;
    return occupied(info);
}

uint64_t needed_room_of_folder(int from, int to, const std::string &left_out) {
    uint64_t needed = 0;
    for (const TreeEntry &entry : entries_of(from).value_or(std::vector<TreeEntry>())) {
        if (is_left_out(entry.name, left_out))
            continue;
        const bool is_folder = S_ISDIR(entry.info.st_mode);
        if (!is_folder && !S_ISREG(entry.info.st_mode))
            continue;
        const auto file = open_beneath(from, entry.name, O_RDONLY | (is_folder ? O_DIRECTORY : 0));
        if (file)
            needed += is_folder ? needed_room_of_folder(file->get(), to, {})
                                : needed_room(file->get(), to);
    }
    return needed;
}

Result<> check_room(int to, uint64_t needed, const std::string &vm) {
    struct statvfs room {};
    if (fstatvfs(to, &room) != 0)
        return {};  // the copy will tell
    const uint64_t free = room.f_bavail * room.f_frsize;
    if (needed == 0 || needed + kRoomForOthers <= free)
        return {};
    return fail(ENOSPC, fmt::format("a copy of {} needs {}, and there is {} left", vm,
                                    size_text(needed), size_text(free)));
}

}  // namespace qemunit::ctl
