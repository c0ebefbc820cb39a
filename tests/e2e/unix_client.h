// SPDX-License-Identifier: MIT
//
// A person or a program at one of a VM's sockets.
#pragma once

#include <string>
#include <string_view>

#include "common/result.h"
#include "common/unique_fd.h"
#include "tests/e2e/deadline.h"

namespace qemunit::e2e {

class UnixClient {
  public:
    // One try, as a client that never tries again; does not wait for room in the queue.
    static Result<UnixClient> connect(const std::string &path);

    // One that is connected already.
    static UnixClient over(UniqueFd fd);

    Result<> send(std::string_view text);
    // All that came up to and including `text`.
    Result<std::string> read_until(std::string_view text, Deadline deadline = Deadline());
    // What is there, at most `most` bytes of it; never waits.
    std::string read_some(std::size_t most);
    // Until the other side has hung up; all that it still said.
    Result<std::string> read_to_end(Deadline deadline = Deadline());

    int fd() const { return fd_.get(); }

  private:
    explicit UnixClient(UniqueFd fd) : fd_(std::move(fd)) {}
    // Adds what comes next to received_; false at the end.
    Result<bool> receive(const Deadline &deadline);

    UniqueFd fd_;
    std::string received_;
};

}  // namespace qemunit::e2e
