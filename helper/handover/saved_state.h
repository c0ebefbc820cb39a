// SPDX-License-Identifier: MIT
//
// The file with a machine's saved state, and its names. The state fits the machine's disks only
// until the guest runs again: before that the file must have lost its name for good, or the next
// start would resume over disks that have changed. GuestRun lets the guest run, and sees to that.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

// Of the file's header, in bytes: QEMU's own part begins after them (StateHeader).
inline constexpr off_t kStateHeaderSize = 64 << 10;

// What the header begins with. The second one is of a machine that was saved because somebody has
// asked for that: the next start goes on with it whatever Stop= says.
inline constexpr std::string_view kStateMagic = "qemunit-saved-state\n";
inline constexpr std::string_view kAskedStateMagic = "qemunit-asked-state\n";

class SavedState {
  public:
    explicit SavedState(std::string state_file) : state_file_(std::move(state_file)) {}

    const std::string &path() const { return state_file_; }
    // The file's name while the state is written.
    std::string unfinished() const { return state_file_ + ".new"; }

    // The file to resume from; no fd if there is none. After an error, there may be one.
    Result<UniqueFd> open() const;
    // Also true if that cannot be found out.
    bool exists() const;
    // There is one that somebody has asked for.
    bool was_asked_for() const;
    // Gives the file, which is on the disk, its name. After success, the file has that name also
    // after a power failure.
    Result<> keep() const;
    // Takes the file's name away. After success, there is no saved state, also after a power
    // failure. To be called before the guest runs.
    Result<> retire() const;
    // Takes retire() back, where the guest did not run after all.
    Result<> restore() const;
    // Removes the files of a saving or resuming that was broken off: they are as large as the
    // machine's RAM, and of no use.
    void remove_leftovers() const;
    // For a state that could not be resumed from, but must not be lost. Returns the file's new
    // name;
    // "" if there was no file.
    Result<std::string> set_aside() const;

  private:
    std::string used() const { return state_file_ + ".used"; }

    std::string state_file_;
};

}  // namespace qemunit::helper
