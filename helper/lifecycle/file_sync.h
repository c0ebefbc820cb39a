// SPDX-License-Identifier: MIT
//
// fsync(2) of a large file, in a process of its own: it may take minutes, in which the console goes
// on. The companion's, for a saved state. It never changes the file, nor its name.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>

#include "common/fd_watch.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

class FileSync {
  public:
    // `on_progress` is called whenever a piece of the file is on the disk, `done` once, after all
    // pieces. `done` may destroy this object. Neither is called once this object is gone.
    static Result<std::unique_ptr<FileSync>> start(sd_event *event, int fd,
                                                   std::function<void()> on_progress,
                                                   std::function<void(Result<>)> done);
    ~FileSync();
    FileSync(const FileSync &) = delete;
    FileSync &operator=(const FileSync &) = delete;

  private:
    FileSync(std::function<void()> on_progress, std::function<void(Result<>)> done)
        : on_progress_(std::move(on_progress)), done_(std::move(done)) {}
    void take_report();

    std::function<void()> on_progress_;
    std::function<void(Result<>)> done_;
    UniqueFd reports_;
    FdWatch io_;
    pid_t child_ = -1;
};

}  // namespace qemunit::helper
