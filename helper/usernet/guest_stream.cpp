// SPDX-License-Identifier: MIT
#include "helper/usernet/guest_stream.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace qemunit::helper {

namespace {

bool is_passing(int code) {
    return code == EAGAIN || code == EINTR;
}

}  // namespace

void GuestStream::connect(UniqueFd fd) {
    hang_up();
    fd_ = std::move(fd);
}

Result<> GuestStream::receive(const std::function<void(Frame)> &take) {
    const auto room = reader_.room();
    const ssize_t size = read(fd_.get(), room.data(), room.size());
    if (size < 0 && is_passing(errno))
        return {};
    if (size <= 0) {
        hang_up();
        return {};
    }
    auto read = reader_.read(static_cast<std::size_t>(size), take);
    if (!read)
        hang_up();
    return read;
}

void GuestStream::flush() {
    while (has_pending()) {
        const Frame pending = writer_.pending();
        const ssize_t size =
            ::send(fd_.get(), pending.data(), pending.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size < 0 && is_passing(errno))
            return;
        if (size < 0)
            return hang_up();
        writer_.take_away(static_cast<std::size_t>(size));
    }
}

void GuestStream::hang_up() {
    fd_.reset();
    reader_.clear();
    writer_.clear();
}

}  // namespace qemunit::helper
