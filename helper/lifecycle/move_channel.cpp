// SPDX-License-Identifier: MIT
#include "helper/lifecycle/move_channel.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

namespace qemunit::helper {

namespace {

constexpr std::size_t kMoveLineMax = 4096;

bool is_stream_socket(int fd) {
    int type = 0;
    socklen_t size = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

}  // namespace

Result<std::unique_ptr<MoveChannel>> MoveChannel::create(sd_event *event, UniqueFd connection,
                                                         Callbacks callbacks) {
    if (!is_stream_socket(connection.get()))
        return fail(EINVAL, "the way to the other host is no stream socket");
    std::unique_ptr<MoveChannel> channel(
        new MoveChannel(std::move(connection), std::move(callbacks)));
    auto watch = FdWatch::create(event, channel->connection_.get(), 0, "the other host",
                                 [raw = channel.get()](uint32_t) { raw->serve(); });
    if (!watch)
        return std::unexpected(watch.error());
    channel->watch_ = std::move(*watch);
    channel->watch_.set_enabled(true);
    return channel;
}

MoveChannel::~MoveChannel() {
    *alive_ = false;
    shutdown(connection_.get(), SHUT_RDWR);
}

void MoveChannel::listen() {
    listens_ = true;
    watch_.set_events(EPOLLIN);
}

void MoveChannel::stop_listening() {
    listens_ = false;
    watch_.set_events(0);
}

void MoveChannel::say(std::string_view line) {
    const std::string text = std::string(line) + "\n";
    if (send(connection_.get(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        return;
}

UniqueFd MoveChannel::copy() const {
    return UniqueFd(fcntl(connection_.get(), F_DUPFD_CLOEXEC, 0));
}

void MoveChannel::end() {
    watch_.set_enabled(false);
    if (const auto closed = std::exchange(callbacks_.closed, {}))
        closed();
}

// Without listen(), this is called only for a connection that is broken.
void MoveChannel::serve() {
    if (!listens_)
        return end();
    char buffer[kMoveLineMax];
    const ssize_t size = recv(connection_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0)
        return end();
    input_.append(buffer, static_cast<std::size_t>(size));
    const std::shared_ptr<bool> alive = alive_;
    for (std::size_t end_of_line; *alive && (end_of_line = input_.find('\n')) != input_.npos;) {
        const std::string line = input_.substr(0, end_of_line);
        input_.erase(0, end_of_line + 1);
        callbacks_.line(line);
    }
    if (*alive && input_.size() > kMoveLineMax)
        end();
}

}  // namespace qemunit::helper
