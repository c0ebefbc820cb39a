// SPDX-License-Identifier: MIT
//
// The way to `qemunitctl receive` on another host: ssh(1) with a socket of ours as its standard
// input and output. Lines first, then whatever goes through.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

// The words of `ssh HOST qemunitctl [--user] receive OPTIONS VM`.
std::vector<std::string> receive_words(const std::string &host, bool is_of_user,
                                       const std::vector<std::string> &options,
                                       const std::string &vm);

class Tunnel {
  public:
    static Result<Tunnel> open(const std::vector<std::string> &words);
    Tunnel(Tunnel &&other) noexcept;
    Tunnel &operator=(Tunnel &&) = delete;
    // Ends ssh, if it has not ended.
    ~Tunnel();

    Result<> say(const std::string &line);
    // The next line; nothing behind it is read.
    Result<std::string> read_line(uint64_t timeout_usec);
    // Our end, for others. From now on, only they have it.
    UniqueFd take_socket() { return std::move(socket_); }

  private:
    Tunnel(UniqueFd socket, pid_t ssh) : socket_(std::move(socket)), ssh_(ssh) {}

    UniqueFd socket_;
    pid_t ssh_;
};

// A line of at most 64 KiB from a descriptor, a byte at a time.
Result<std::string> read_line_of(int fd, uint64_t timeout_usec);

}  // namespace qemunit::ctl
