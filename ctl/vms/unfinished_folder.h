// SPDX-License-Identifier: MIT
//
// The folder of a VM while it is copied, beside its place: ".vm2.clone". Gone with this object, and
// with the next `clone` if the process was killed.
#pragma once

#include <string>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

class UnfinishedFolder {
  public:
    // `place`: "/var/lib/qemunit/vm2", which must not be there, or be empty. The caller has the
    // lock.
    static Result<UnfinishedFolder> make(const std::string &place);
    UnfinishedFolder(UnfinishedFolder &&other) noexcept;
    UnfinishedFolder &operator=(UnfinishedFolder &&) = delete;
    UnfinishedFolder(const UnfinishedFolder &) = delete;
    UnfinishedFolder &operator=(const UnfinishedFolder &) = delete;
    ~UnfinishedFolder();

    int fd() const { return fd_.get(); }
    // Gives it its place.
    Result<> publish();
    // Takes the place back.
    void withdraw();

  private:
    UnfinishedFolder(std::string place, std::string path)
        : place_(std::move(place)), path_(std::move(path)) {}

    std::string place_, path_;
    UniqueFd fd_;  // locked, so that everybody sees that somebody works in there
};

}  // namespace qemunit::ctl
