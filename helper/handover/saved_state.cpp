// SPDX-License-Identifier: MIT
#include "helper/handover/saved_state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "common/files/folder_sync.h"

namespace qemunit::helper {

Result<UniqueFd> SavedState::open() const {
    UniqueFd fd(::open(state_file_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!fd && errno != ENOENT)
        return fail_errno(errno, "cannot open the saved state " + state_file_);
    return fd;
}

bool SavedState::exists() const {
    return faccessat(AT_FDCWD, state_file_.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
           errno != ENOENT;
}

bool SavedState::was_asked_for() const {
    const auto file = open();
    if (!file)
        return true;  // whoever goes on with it will say why it cannot be opened
    char begin[kAskedStateMagic.size()];
    return *file && pread(file->get(), begin, sizeof begin, 0) == ssize_t{sizeof begin} &&
           std::string_view(begin, sizeof begin) == kAskedStateMagic;
}

Result<> SavedState::keep() const {
    auto renamed = rename_durably(unfinished(), state_file_);
    if (renamed || renamed.error().code != ENOENT || !exists())
        return renamed;
    // The companion that has renamed the file may have been killed before it could sync the folder.
    return sync_folder_of(state_file_);
}

Result<> SavedState::retire() const {
    auto renamed = rename_durably(state_file_, used());
    if (renamed || renamed.error().code != ENOENT)
        return renamed;
    // Nobody has renamed one, so that a folder that is not there, or cannot be written, is no
    // reason to keep the guest from running.
    if (faccessat(AT_FDCWD, used().c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
        return {};
    return sync_folder_of(state_file_);  // as above
}

Result<> SavedState::restore() const {
    return rename_durably(used(), state_file_);
}

void SavedState::remove_leftovers() const {
    unlink(used().c_str());
    unlink(unfinished().c_str());
}

Result<std::string> SavedState::set_aside() const {
    const std::time_t now = std::time(nullptr);
    char stamp[] = "20261231-235959";
    std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", std::gmtime(&now));
    std::string name = fmt::format("{}.failed-{}", state_file_, stamp);
    if (auto renamed = rename_durably(state_file_, name); !renamed) {
        if (renamed.error().code == ENOENT)
            return std::string();
        return std::unexpected(renamed.error());
    }
    return name;
}

}  // namespace qemunit::helper
