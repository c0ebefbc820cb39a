// SPDX-License-Identifier: MIT
//
// The file with a machine's saved state, and its names. It goes with the machine's disks only until
// the guest has run again: then it must have lost its name for good, or the next start would
// resume over disks that went on. Who lets the guest run is GuestRun.
#pragma once

#include <string>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

class SavedState {
  public:
    explicit SavedState(std::string state_file) : state_file_(std::move(state_file)) {}

    const std::string &path() const { return state_file_; }
    // While it is written.
    std::string unfinished() const { return state_file_ + ".new"; }

    // The file to resume from; an fd of nothing if there is none. An error tells nothing of that.
    Result<UniqueFd> open() const;
    // Also where it cannot be told.
    bool exists() const;
    // What was written, and is on the disk, gets its name; when this returns well, it has it also
    // after a power failure.
    Result<> keep() const;
    // There is none any more, also after a power failure. To be done before the guest runs.
    Result<> retire() const;
    // retire() taken back, where the guest did not run after all.
    Result<> restore() const;
    // Of saving and resuming that came to no end: as large as the machine's RAM, and of no use.
    void remove_leftovers() const;
    // It could not be resumed from, and is never lost: returns its new name, "" if there is none.
    Result<std::string> set_aside() const;

  private:
    std::string used() const { return state_file_ + ".used"; }
    Result<> rename_durably(const std::string &from, const std::string &to) const;

    std::string state_file_;
};

}  // namespace qemunit::helper
