// SPDX-License-Identifier: MIT
//
// Sockets as systemd makes them, and the clients that connect.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>

#include "common/unique_fd.h"

namespace qemunit::testing {

inline sockaddr_un unix_address(const std::string &path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    EXPECT_LT(path.size(), sizeof address.sun_path);
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
}

inline UniqueFd bound_socket(const std::string &path, int type) {
    UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    const sockaddr_un address = unix_address(path);
    EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address), 0)
        << path;
    return fd;
}

inline UniqueFd listening_socket(const std::string &path) {
    UniqueFd fd = bound_socket(path, SOCK_STREAM);
    EXPECT_EQ(listen(fd.get(), SOMAXCONN), 0);
    return fd;
}

struct SocketPair {
    SocketPair() {
        std::array<int, 2> fds{};
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds.data()), 0);
        one.reset(fds[0]);
        other.reset(fds[1]);
    }
    UniqueFd one, other;
};

// The end of a connection that a test plays. Never waits.
class Peer {
  public:
    Peer() = default;
    explicit Peer(UniqueFd fd) : fd_(std::move(fd)) {
        fcntl(fd_.get(), F_SETFL, fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
    }
    static Peer connect(const std::string &path) {
        UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const sockaddr_un address = unix_address(path);
        if (::connect(fd.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0)
            return {};
        return Peer(std::move(fd));
    }

    // How much of it went out.
    std::size_t write(std::string_view bytes) const {
        const ssize_t n = send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        return n < 0 ? 0 : static_cast<std::size_t>(n);
    }
    // Everything received so far.
    const std::string &read() {
        char buffer[65536];
        ssize_t n;
        while ((n = ::read(fd_.get(), buffer, sizeof buffer)) > 0)
            text_.append(buffer, static_cast<std::size_t>(n));
        ended_ = ended_ || n == 0 || errno == ECONNRESET;
        return text_;
    }
    bool has_ended() {
        read();
        return ended_;
    }
    void end_input() const { shutdown(fd_.get(), SHUT_WR); }
    void close() { fd_.reset(); }
    int fd() const { return fd_.get(); }
    explicit operator bool() const { return static_cast<bool>(fd_); }

  private:
    UniqueFd fd_;
    std::string text_;
    bool ended_ = false;
};

}  // namespace qemunit::testing
