// SPDX-License-Identifier: MIT
//
// Takes the sd_notify(3) messages of a guest's systemd, READY=1 and the like, for the companion: a
// listening socket, with a connection for each message. Anybody in the guest may send as many
// messages as they like: that costs the host little, and delays nobody.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>

#include "common/event_ptr.h"
#include "common/result.h"
#include "common/sockets/acceptor.h"
#include "common/unique_fd.h"
#include "helper/guest/notify_message.h"

namespace qemunit::helper {

struct NotifyListener {
    UniqueFd fd;
    std::function<bool(const sockaddr_vm &peer)> admits;
};

class NotifyServer {
  public:
    static constexpr std::size_t kConnectionsMax = 8;  // at once; the next ones wait
    static constexpr unsigned kAcceptedMax = 100;      // in a second
    static constexpr uint64_t kConnectionTimeout = 30'000'000;

    static Result<std::unique_ptr<NotifyServer>> create(
        sd_event *event, NotifyListener listener,
        std::function<void(const NotifyMessage &)> on_message,
        uint64_t connection_timeout_usec = kConnectionTimeout);
    ~NotifyServer();
    NotifyServer(const NotifyServer &) = delete;
    NotifyServer &operator=(const NotifyServer &) = delete;

  private:
    struct Connection;

    NotifyServer(sd_event *event, std::function<bool(const sockaddr_vm &)> admits,
                 std::function<void(const NotifyMessage &)> on_message, uint64_t timeout_usec);
    Result<> listen(UniqueFd listener);
    void take_connection(UniqueFd fd, const sockaddr_storage &peer);
    void accept_more_or_not();
    void read_from(Connection &connection);
    void drop(Connection &connection);
    void complain_once(const char *whom);

    sd_event *event_;
    const std::function<bool(const sockaddr_vm &)> admits_;
    const std::function<void(const NotifyMessage &)> on_message_;
    const uint64_t timeout_usec_;
    std::unique_ptr<Acceptor> acceptor_;
    EventSourcePtr second_;
    unsigned accepted_ = 0;  // in this second
    std::list<Connection> connections_;
    bool has_complained_ = false;
};

}  // namespace qemunit::helper
