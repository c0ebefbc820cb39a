// SPDX-License-Identifier: MIT
//
// A folder in /var/tmp for a backup that becomes a stream. It is gone with this object, and if the
// process was killed, when the next one is made. Touches nothing there that is somebody else's.
#pragma once

#include <string>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

class CopyFolder {
  public:
    static Result<CopyFolder> make();
    CopyFolder(CopyFolder &&) = default;
    CopyFolder &operator=(CopyFolder &&) = delete;
    CopyFolder(const CopyFolder &) = delete;
    CopyFolder &operator=(const CopyFolder &) = delete;
    ~CopyFolder();

    // For the backup: its own lock is beside ours.
    std::string path() const;
    // What to do, if a backup has failed because there is no room; "" if there is.
    std::string advice() const;

  private:
    CopyFolder(std::string outer, UniqueFd lock)
        : outer_(std::move(outer)), lock_(std::move(lock)) {}

    std::string outer_;
    UniqueFd lock_;  // on the folder, as long as somebody works in it
};

}  // namespace qemunit::ctl
