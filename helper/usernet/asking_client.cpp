// SPDX-License-Identifier: MIT
#include "helper/usernet/asking_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace qemunit::helper {

namespace {

constexpr int64_t kPatience = 5000;  // ms

}  // namespace

short AskingClient::events() const {
    return answer_.empty() ? POLLIN : POLLOUT;
}

void AskingClient::connect(UniqueFd fd, int64_t now) {
    leave();
    fd_ = std::move(fd);
    deadline_ = now + kPatience;
}

void AskingClient::go_on(const Answer &answer) {
    if (answer_.empty()) {
        char bytes[kUsernetLineMax];
        const ssize_t size = read(fd_.get(), bytes, sizeof bytes);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (size <= 0)
            return leave();
        line_.append(bytes, static_cast<std::size_t>(size));
        const std::size_t end = line_.find('\n');
        if (end == line_.npos)
            return line_.size() > kUsernetLineMax ? leave() : void();
        const auto request = parse_usernet_line(std::string_view(line_).substr(0, end));
        answer_ = usernet_answer(request ? answer(*request) : std::unexpected(request.error()));
    }
    const ssize_t size =
        send(fd_.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size < 0 || static_cast<std::size_t>(size) == answer_.size())
        return leave();
    answer_.erase(0, static_cast<std::size_t>(size));
}

void AskingClient::leave() {
    fd_.reset();
    line_.clear();
    answer_.clear();
}

}  // namespace qemunit::helper
