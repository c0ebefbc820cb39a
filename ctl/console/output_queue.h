// SPDX-License-Identifier: MIT
//
// Bytes on their way to a file, a terminal or a socket that may be slow: bytes that cannot be
// written now wait here, and the event loop runs on. The caller looks at size(), and bounds the
// queue.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/fd_watch.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

class OutputQueue {
  public:
    struct Callbacks {
        std::function<void()> written;  // some of the bytes that waited were written
        std::function<void()> broken;   // nobody reads any more
    };

    static Result<std::unique_ptr<OutputQueue>> create(sd_event *event, UniqueFd fd,
                                                       Callbacks callbacks);

    void write(std::string_view bytes);
    std::size_t size() const { return queue_.size(); }

  private:
    OutputQueue(UniqueFd fd, Callbacks callbacks)
        : fd_(std::move(fd)), callbacks_(std::move(callbacks)) {}
    void serve(uint32_t revents);
    bool flush();  // false if nobody reads any more

    UniqueFd fd_;
    Callbacks callbacks_;
    FdWatch watch_;  // none: a regular file, which is never slow
    std::string queue_;
};

// An fd of our own for `fd`, non-blocking where that is possible without changing what other
// programs, such as the shell, share with us.
UniqueFd reopen_for_writing(int fd);

}  // namespace qemunit::ctl
