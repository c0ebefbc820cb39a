// SPDX-License-Identifier: MIT
//
// What a guest says, on its way: to a descriptor of ours, or the last part of it kept. For
// session.h. Never waits, and never holds more than a piece.
#pragma once

#include <systemd/sd-event.h>

#include <cstdint>
#include <functional>
#include <string>

#include "common/fd_watch.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

// From a socket to a descriptor of ours, with one piece on its way.
class Sink {
  public:
    // `to`: -1 for nowhere. `moved`: some of it has gone on, or it has ended.
    Result<> start(sd_event *event, UniqueFd from, int to, std::function<void()> moved);

    uint64_t delivered() const { return delivered_; }
    // Nothing is on its way, and nothing more comes.
    bool has_ended() const { return has_ended_; }
    bool is_broken() const { return error_ != 0; }
    int error() const { return error_; }

  private:
    void read_piece();
    void begin_piece();
    void write_piece();
    bool write_some(std::size_t most);
    void finish_piece();

    UniqueFd from_;
    int to_ = -1;
    std::function<void()> moved_;
    FdWatch reading_, writing_;
    std::string buffer_;
    std::size_t sent_ = 0;
    uint64_t delivered_ = 0;
    bool has_ended_ = false;
    int error_ = 0;
};

// The last part of what comes.
class Tail {
  public:
    // `shows`: on standard error as well, as it comes.
    Result<> start(sd_event *event, UniqueFd from, bool shows, std::function<void()> ended);
    bool has_ended() const { return has_ended_; }
    const std::string &text() const { return text_; }

  private:
    void read_piece();

    UniqueFd from_;
    FdWatch watch_;
    std::function<void()> ended_;
    std::string text_;
    bool shows_ = false, has_ended_ = false;
};

}  // namespace qemunit::ctl
