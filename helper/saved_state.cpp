// SPDX-License-Identifier: MIT
#include "helper/saved_state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

namespace qemunit {

UniqueFd SavedState::open() const {
    return UniqueFd(::open(state_file_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
}

void SavedState::mark_used() const {
    rename(state_file_.c_str(), used().c_str());
}

void SavedState::remove() const {
    unlink(used().c_str());
}

std::string SavedState::set_aside() const {
    const std::time_t now = std::time(nullptr);
    char stamp[] = "20261231-235959";
    std::strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", std::gmtime(&now));
    const std::string name = fmt::format("{}.failed-{}", state_file_, stamp);
    return rename(state_file_.c_str(), name.c_str()) == 0 ? name : state_file_;
}

}  // namespace qemunit
