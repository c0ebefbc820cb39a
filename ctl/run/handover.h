// SPDX-License-Identifier: MIT
//
// What a `run` hands to qemunit-helper (common/run/protocol.h), which takes it with the first thing
// it reads.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

class RunHandover {
  public:
    // Returns its number in QEMU. All files come before all sockets.
    int add_file(UniqueFd file);
    // Makes a pair, one end of which QEMU or the companion gets. Returns ours.
    Result<UniqueFd> add_socket(const std::string &name);
    // To the other end of the socket that will be the helper's standard input.
    Result<> send(int socket);

  private:
    std::vector<std::pair<std::string, UniqueFd>> handed_;
};

}  // namespace qemunit::ctl
