// SPDX-License-Identifier: MIT
#include "tests/e2e/unix_client.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace qemunit::e2e {

Result<UnixClient> UnixClient::connect(const std::string &path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail(ENAMETOOLONG, path);
    path.copy(address.sun_path, path.size());
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (::connect(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) < 0)
        return fail_errno(errno, "connect to " + path);
    return UnixClient(std::move(fd));
}

UnixClient UnixClient::over(UniqueFd fd) {
    fcntl(fd.get(), F_SETFL, fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
    return UnixClient(std::move(fd));
}

Result<> UnixClient::send(std::string_view text) {
    const ssize_t n = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (n < 0)
        return fail_errno(errno, "send");
    if (static_cast<std::size_t>(n) < text.size())
        return fail(EAGAIN, "send: no room");
    return {};
}

Result<bool> UnixClient::receive(const Deadline &deadline) {
    pollfd fds[] = {{fd_.get(), POLLIN, 0}};
    const int n = poll(fds, 1, deadline.poll_timeout());
    if (n <= 0)
        return fail(ETIMEDOUT, "nothing more came; so far: \"" + received_ + "\"");
    char buffer[16384];
    const ssize_t r = recv(fd_.get(), buffer, sizeof buffer, 0);
    if (r < 0 && errno == EAGAIN)
        return true;
    if (r <= 0)
        return false;
    received_.append(buffer, static_cast<std::size_t>(r));
    return true;
}

Result<std::string> UnixClient::read_until(std::string_view text, Deadline deadline) {
    for (;;) {
        if (auto at = received_.find(text); at != std::string::npos) {
            std::string result = received_.substr(0, at + text.size());
            received_.erase(0, result.size());
            return result;
        }
        auto more = receive(deadline);
        if (!more)
            return std::unexpected(more.error());
        if (!*more)
            return fail(EPIPE, "hung up on; so far: \"" + received_ + "\"");
    }
}

std::string UnixClient::read_some(std::size_t most) {
    std::string result(most, '\0');
    const ssize_t r = recv(fd_.get(), result.data(), result.size(), 0);
    result.resize(r > 0 ? static_cast<std::size_t>(r) : 0);
    return result;
}

Result<std::string> UnixClient::read_to_end(Deadline deadline) {
    for (;;) {
        auto more = receive(deadline);
        if (!more)
            return std::unexpected(more.error());
        if (!*more)
            return std::exchange(received_, {});
    }
}

}  // namespace qemunit::e2e
