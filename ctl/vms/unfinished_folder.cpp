// SPDX-License-Identifier: MIT
#include "ctl/vms/unfinished_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <utility>

#include "common/files/free_name.h"
#include "common/files/mount_points.h"
#include "ctl/vms/file_replacement.h"
#include "ctl/vms/folder_tree.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

constexpr char kUnfinishedSuffix[] = ".clone";

bool keeps_nothing(const struct stat &) {
    return false;
}

// Of runs that were killed: nobody holds them.
void remove_abandoned(const std::string &folders) {
    std::error_code error;
    for (fs::directory_iterator entry(folders, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string path = entry->path(), name = entry->path().filename();
        if (!name.starts_with('.') || !name.ends_with(kUnfinishedSuffix))
            continue;
        const auto folder = open_folder(path);
        if (folder && flock(folder->get(), LOCK_EX | LOCK_NB) == 0)
            (void)remove_tree(path, keeps_nothing);
    }
}

}  // namespace

Result<UnfinishedFolder> UnfinishedFolder::make(const std::string &place) {
    if (auto mounted = check_mounted(place); !mounted)
        return std::unexpected(mounted.error());
    const fs::path whole(place), folders = whole.parent_path();
    std::error_code error;
    fs::create_directories(folders, error);
    if (error)
        return fail_errno(error.value(), "cannot create " + place);
    remove_abandoned(folders);
    const std::string path = folders / ("." + whole.filename().native() + kUnfinishedSuffix);
    if (mkdir(path.c_str(), S_IRWXU) != 0) {
        const int code = errno;
        if (code == EEXIST)
            return fail(EBUSY, fmt::format("somebody else makes {} at this moment", place));
        return fail_errno(code, "cannot create a folder beside " + place);
    }
    UnfinishedFolder made(place, path);
    auto folder = open_folder(path);
    if (!folder)
        return std::unexpected(folder.error());
    if (flock(folder->get(), LOCK_EX | LOCK_NB) != 0)
        return fail_errno(errno, "cannot lock " + path);
    made.fd_ = std::move(*folder);
    return made;
}

UnfinishedFolder::UnfinishedFolder(UnfinishedFolder &&other) noexcept
    : place_(std::move(other.place_)),
      path_(std::exchange(other.path_, {})),
      fd_(std::move(other.fd_)) {}

UnfinishedFolder::~UnfinishedFolder() {
    if (!path_.empty())
        (void)remove_tree(path_, keeps_nothing);
}

Result<> UnfinishedFolder::publish() {
    rmdir(place_.c_str());  // an empty one
    if (const int failed = move_to_free_name(AT_FDCWD, path_, AT_FDCWD, place_); failed != 0)
        return fail_errno(failed, fmt::format("cannot create {}", place_));
    path_.clear();
    sync_folder_of(place_);
    return {};
}

void UnfinishedFolder::withdraw() {
    path_ = place_;
}

}  // namespace qemunit::ctl
