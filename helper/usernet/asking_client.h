// SPDX-License-Identifier: MIT
//
// Who asks something of qemunit-usernet (common/usernet/request.h): one line, one answer, and the
// end, all within a few seconds. For the loop of qemunit-usernet. Never waits.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "common/unique_fd.h"
#include "common/usernet/request.h"

namespace qemunit::helper {

class AskingClient {
  public:
    using Answer = std::function<Result<std::string>(const UsernetRequest &)>;

    bool is_there() const { return static_cast<bool>(fd_); }
    int fd() const { return fd_.get(); }
    // POLLIN or POLLOUT.
    short events() const;
    // `now`: CLOCK_MONOTONIC, ms.
    void connect(UniqueFd fd, int64_t now);
    void go_on(const Answer &answer);
    // How long the client may still take, in ms.
    int64_t time_left(int64_t now) const { return deadline_ - now; }
    void leave();

  private:
    UniqueFd fd_;
    int64_t deadline_ = 0;
    std::string line_, answer_;
};

}  // namespace qemunit::helper
