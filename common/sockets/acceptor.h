// SPDX-License-Identifier: MIT
//
// Accepts who connects to a listening socket, on an event loop: for all that a companion serves,
// and for qemunit-metrics. Where the process has no descriptor left, accept(2) fails and the client
// stays in the queue, so that the socket stays readable. The socket is left alone for a moment
// then.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "common/fd_watch.h"
#include "common/result.h"
#include "common/timer.h"
#include "common/unique_fd.h"

namespace qemunit {

class Acceptor {
  public:
    // `connection`: non-blocking.
    using Callback = std::function<void(UniqueFd connection, const sockaddr_storage &peer)>;

    // Whose limit it is, for messages.
    struct Limit {
        std::string_view program = "qemunit-helper";
        std::string_view setting =
            "LimitNOFILE= in [Service] of the ini file is the limit of this VM";
    };

    // `name`: of the socket, for messages.
    static Result<std::unique_ptr<Acceptor>> create(sd_event *event, UniqueFd listener,
                                                    std::string name, int64_t priority,
                                                    Callback on_client, Limit limit);
    static Result<std::unique_ptr<Acceptor>> create(sd_event *event, UniqueFd listener,
                                                    std::string name, int64_t priority,
                                                    Callback on_client) {
        return create(event, std::move(listener), std::move(name), priority, std::move(on_client),
                      Limit());
    }
    Acceptor(const Acceptor &) = delete;
    Acceptor &operator=(const Acceptor &) = delete;

    // Whether clients are accepted now; further clients wait in the queue.
    void set_open(bool is_open);

  private:
    Acceptor(UniqueFd listener, std::string name, Callback on_client, Limit limit)
        : listener_(std::move(listener)),
          name_(std::move(name)),
          on_client_(std::move(on_client)),
          limit_(limit) {}
    void accept_one();
    void pause(int error);
    void end_pause();
    void update();

    const UniqueFd listener_;
    const std::string name_;
    const Callback on_client_;
    const Limit limit_;
    FdWatch io_;
    Timer retry_;
    bool is_open_ = true;
    bool is_paused_ = false;
    bool has_complained_ = false;
};

}  // namespace qemunit
