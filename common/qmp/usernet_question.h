// SPDX-License-Identifier: MIT
//
// One question to a qemunit-usernet on an event loop, for qemunitd and the companion. Never waits:
// the answer, or its lack at the deadline, comes by a callback.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/event_ptr.h"
#include "common/fd_watch.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit {

class UsernetQuestion {
  public:
    using Answered = std::function<void(const Result<std::string> &)>;

    // `line`: of usernet_line(). `answered` is called once, from the loop, and may end this object;
    // never after the object's end. `deadline`: CLOCK_MONOTONIC, µs.
    UsernetQuestion(sd_event *event, const std::string &socket, std::string line, uint64_t deadline,
                    Answered answered);
    UsernetQuestion(const UsernetQuestion &) = delete;
    UsernetQuestion &operator=(const UsernetQuestion &) = delete;

  private:
    void take();
    Result<> begin(sd_event *event, const std::string &socket, const std::string &line,
                   uint64_t deadline);
    void finish(Result<std::string> answer);

    Answered answered_;
    std::string text_;
    UniqueFd fd_;
    FdWatch reading_;
    EventSourcePtr deadline_;
};

}  // namespace qemunit
