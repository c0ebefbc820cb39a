// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "common/unique_fd.h"

namespace qemunit {

// A saved state on its way back: the file, and what becomes of it.
class SavedState {
  public:
    explicit SavedState(std::string state_file) : state_file_(std::move(state_file)) {}

    const std::string &path() const { return state_file_; }
    // The file to resume from, if there is one.
    UniqueFd open() const;
    // Right before the guest runs: from now on its disks no longer go with the file.
    void mark_used() const;
    // The guest runs.
    void remove() const;
    // It could not be resumed from, and is never lost: returns its new name.
    std::string set_aside() const;

  private:
    std::string used() const { return state_file_ + ".used"; }

    std::string state_file_;
};

}  // namespace qemunit
