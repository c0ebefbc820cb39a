// SPDX-License-Identifier: MIT
//
// Accepts who connects to a listening socket, on an event loop: for serial ports and NotifyServer.
// Where the process has no descriptor left, accept(2) fails and the client stays in the queue, so
// that the socket stays readable. The socket is left alone for a moment then.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <memory>
#include <string>

#include "common/fd_watch.h"
#include "common/result.h"
#include "common/timer.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

class Acceptor {
  public:
    // `connection`: non-blocking.
    using Callback = std::function<void(UniqueFd connection, const sockaddr_storage &peer)>;

    // `name`: of the socket, for messages.
    static Result<std::unique_ptr<Acceptor>> create(sd_event *event, UniqueFd listener,
                                                    std::string name, int64_t priority,
                                                    Callback on_client);
    Acceptor(const Acceptor &) = delete;
    Acceptor &operator=(const Acceptor &) = delete;

    // Whether clients are accepted now; further clients wait in the queue.
    void set_open(bool is_open);

  private:
    Acceptor(UniqueFd listener, std::string name, Callback on_client)
        : listener_(std::move(listener)),
          name_(std::move(name)),
          on_client_(std::move(on_client)) {}
    void accept_one();
    void pause(int error);
    void end_pause();
    void update();

    const UniqueFd listener_;
    const std::string name_;
    const Callback on_client_;
    FdWatch io_;
    Timer retry_;
    bool is_open_ = true;
    bool is_paused_ = false;
    bool has_complained_ = false;
};

}  // namespace qemunit::helper
