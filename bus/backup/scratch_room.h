// SPDX-License-Identifier: MIT
//
// What the backups that are under way may still take of the file system with their scratch files:
// these are sparse, so that what is free there says nothing of it. Only of backups that this
// process has begun: after another one's, less is left than was planned.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "common/unique_fd.h"

namespace qemunit::bus {

class ScratchRoom {
  public:
    // Of one backup, for as long as this object is there.
    struct Promise {
        uint64_t bytes = 0;
        std::vector<UniqueFd> files;  // that take it
    };

    std::shared_ptr<Promise> promise();
    // Promised, and not taken yet.
    uint64_t promised() const;

  private:
    std::list<std::weak_ptr<Promise>> promises_;
};

// Of this process, whose scratch files are all in one folder.
ScratchRoom &scratch_room();

}  // namespace qemunit::bus
