// SPDX-License-Identifier: MIT
//
// The state directory of a VM that does not exist yet: whether an earlier VM of that name has left
// something there, and the folder itself, for a disk that is copied into it. For `qemunitctl new`.
#pragma once

#include <string>
#include <utility>

#include "common/result.h"
#include "common/unique_fd.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

// "/var/lib/qemunit/vm1"; of a user, where the user's systemd has it.
Result<std::string> state_folder(const Invocation &invocation, const std::string &vm);

// The name of something in that folder, "" if there is nothing.
std::string left_in(const std::string &folder);

// A folder of its owner alone, with the folders above it. It goes with this object, and with the
// process if a signal ends that, unless something has come into it.
class StateFolder {
  public:
    static Result<StateFolder> make(const std::string &folder);
    StateFolder(StateFolder &&) = default;
    StateFolder &operator=(StateFolder &&) = delete;
    StateFolder(const StateFolder &) = delete;
    StateFolder &operator=(const StateFolder &) = delete;
    ~StateFolder();

    int fd() const { return fd_.get(); }

  private:
    explicit StateFolder(UniqueFd fd) : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

}  // namespace qemunit::ctl
