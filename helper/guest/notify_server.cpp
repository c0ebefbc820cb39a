// SPDX-License-Identifier: MIT
#include "helper/guest/notify_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "common/fd_watch.h"
#include "common/timer.h"

namespace qemunit::helper {

namespace {

constexpr const char *kListenerName = "the VM's vsock port for READY=1";
// These messages are read before all other input: what a guest says last is older than the end of
// its QEMU.
constexpr int64_t kPriority = SD_EVENT_PRIORITY_IMPORTANT;

}  // namespace

struct NotifyServer::Connection {
    NotifyServer &server;
    UniqueFd fd;
    std::string text;
    FdWatch io;
    EventSourcePtr deadline;
};

Result<std::unique_ptr<NotifyServer>> NotifyServer::create(
    sd_event *event, NotifyListener listener, std::function<void(const NotifyMessage &)> on_message,
    uint64_t connection_timeout_usec) {
    std::unique_ptr<NotifyServer> server(new NotifyServer(
        event, std::move(listener.admits), std::move(on_message), connection_timeout_usec));
    if (auto listening = server->listen(std::move(listener.fd)); !listening)
        return std::unexpected(listening.error());
    return server;
}

NotifyServer::NotifyServer(sd_event *event, std::function<bool(const sockaddr_vm &)> admits,
                           std::function<void(const NotifyMessage &)> on_message,
                           uint64_t timeout_usec)
    : event_(event),
      admits_(std::move(admits)),
      on_message_(std::move(on_message)),
      timeout_usec_(timeout_usec) {}

NotifyServer::~NotifyServer() = default;

Result<> NotifyServer::listen(UniqueFd listener) {
    auto acceptor = Acceptor::create(event_, std::move(listener), kListenerName, kPriority,
                                     [this](UniqueFd fd, const sockaddr_storage &peer) {
                                         take_connection(std::move(fd), peer);
                                     });
    if (!acceptor)
        return std::unexpected(acceptor.error());
    acceptor_ = std::move(*acceptor);
    return {};
}

void NotifyServer::take_connection(UniqueFd fd, const sockaddr_storage &address) {
    sockaddr_vm peer{};
    std::memcpy(&peer, &address, sizeof peer);
    if (accepted_++ == 0)
        if (auto timer = start_timer(event_, monotonic_now(event_) + kSecond, [this] {
                accepted_ = 0;
                accept_more_or_not();
            }))
            second_ = std::move(*timer);
    accept_more_or_not();
    if (!admits_(peer)) {
        complain_once("somebody who is not the guest");
        return;
    }
    Connection &connection = connections_.emplace_back(
        Connection{.server = *this, .fd = std::move(fd), .text = {}, .io = {}, .deadline = {}});
    auto io = FdWatch::create(
        event_, connection.fd.get(), EPOLLIN, "for what the guest says",
        [&connection](uint32_t) { connection.server.read_from(connection); }, kPriority);
    auto deadline = start_timer(event_, monotonic_now(event_) + timeout_usec_, [&connection] {
        connection.server.complain_once("the guest, who has left a message unfinished");
        connection.server.drop(connection);
    });
    if (!io || !deadline) {
        drop(connection);
        return;
    }
    connection.io = std::move(*io);
    connection.deadline = std::move(*deadline);
    accept_more_or_not();
}

// Each message costs time of PID 1 and of all who watch the unit, so their number is bounded.
void NotifyServer::accept_more_or_not() {
    const bool may = connections_.size() < kConnectionsMax && accepted_ < kAcceptedMax;
    acceptor_->set_open(may);
}

// An error means that the guest is gone: its message ends there.
void NotifyServer::read_from(Connection &connection) {
    char buffer[kNotifyMessageMax + 1];
    const ssize_t n = recv(connection.fd.get(), buffer, sizeof buffer, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n > 0) {
        connection.text.append(buffer, static_cast<std::size_t>(n));
        if (connection.text.size() <= kNotifyMessageMax)
            return;
        complain_once("the guest, whose message is too long");
    } else {
        on_message_(parse_notify_message(connection.text));
    }
    drop(connection);
}

// systemd in the guest waits until the connection is closed, and takes its message for done then.
void NotifyServer::drop(Connection &connection) {
    connections_.remove_if([&](const Connection &other) { return &other == &connection; });
    accept_more_or_not();
}

void NotifyServer::complain_once(const char *whom) {
    if (std::exchange(has_complained_, true))
        return;
    fmt::print(stderr, "<4>qemunit-helper: not listening to {}, at {}; this is said once.\n", whom,
               kListenerName);
}

}  // namespace qemunit::helper
