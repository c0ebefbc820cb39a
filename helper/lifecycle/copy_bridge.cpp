// SPDX-License-Identifier: MIT
#include "helper/lifecycle/copy_bridge.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <utility>

namespace qemunit::helper {

namespace {

constexpr std::size_t kBridgeBuffer = 512u << 10;  // bytes, in each direction
// So many reads in a row before the other tasks of the loop have their turn.
constexpr int kReadsInARow = 4;

bool is_to_wait() {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

}  // namespace

Result<std::unique_ptr<CopyBridge>> CopyBridge::create(sd_event *event, UniqueFd remote, pid_t qemu,
                                                       uint64_t patience_usec,
                                                       Callbacks callbacks) {
    std::unique_ptr<CopyBridge> bridge(
        new CopyBridge(event, std::move(remote), qemu, patience_usec, std::move(callbacks)));
    auto *const raw = bridge.get();
    auto timer = Timer::create(event, [raw] { raw->close("the other host does not answer"); });
    if (!timer)
        return std::unexpected(timer.error());
    bridge->owed_ = std::move(*timer);
    for (Direction *direction : {&bridge->to_remote_, &bridge->to_local_})
        direction->bytes.resize(kBridgeBuffer);
    if (auto listening = bridge->listen(); !listening)
        return std::unexpected(listening.error());
    // The server speaks first. Until then, QEMU is not asked to connect: it waits in its main loop.
    auto watch = FdWatch::create(event, bridge->remote_.get(), EPOLLIN, "a disk's connection",
                                 [raw](uint32_t revents) { raw->serve(revents); });
    if (!watch)
        return std::unexpected(watch.error());
    bridge->remote_watch_ = std::move(*watch);
    bridge->remote_watch_.set_enabled(true);
    bridge->owe();
    return bridge;
}

CopyBridge::~CopyBridge() {
    for (const UniqueFd *fd : {&remote_, &local_})
        if (*fd)
            shutdown(fd->get(), SHUT_RDWR);
}

Result<> CopyBridge::listen() {
    uint64_t random[2];
    if (getrandom(random, sizeof random, 0) != ssize_t{sizeof random})
        return fail_errno(errno, "there are no random numbers");
    address_ = fmt::format("qemunit-copy-{:016x}{:016x}", random[0], random[1]);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    address_.copy(address.sun_path + 1, sizeof address.sun_path - 1);
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + address_.size());
    listener_ = UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!listener_ || bind(listener_.get(), reinterpret_cast<sockaddr *>(&address), size) != 0 ||
        ::listen(listener_.get(), 1) != 0)
        return fail_errno(errno, "cannot make a socket for QEMU");
    auto watch = FdWatch::create(event_, listener_.get(), EPOLLIN, "a socket for QEMU",
                                 [this](uint32_t) { take_connection(); });
    if (!watch)
        return std::unexpected(watch.error());
    listener_watch_ = std::move(*watch);
    listener_watch_.set_enabled(true);
    return {};
}

// A unit that shares the host's network has its abstract sockets there, too.
void CopyBridge::take_connection() {
    UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    ucred peer{};
    socklen_t size = sizeof peer;
    if (!fd || getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 ||
        peer.pid != qemu_)
        return;
    auto watch = FdWatch::create(event_, fd.get(), EPOLLIN, "QEMU's connection",
                                 [this](uint32_t revents) { serve(revents); });
    if (!watch)
        return close(watch.error().message);
    local_ = std::move(fd);
    local_watch_ = std::move(*watch);
    local_watch_.set_enabled(true);
    listener_watch_.reset();
    listener_.reset();
    serve(0);
}

// Returns whether more may go at once.
bool CopyBridge::move(int from, int to, Direction &direction) {
    bool has_moved = false;
    if (direction.is_empty()) {
        const ssize_t n = recv(from, direction.bytes.data(), direction.bytes.size(), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && !is_to_wait())) {
            close("the connection of the disks has ended");
            return false;
        }
        direction.begin = 0;
        direction.end = n > 0 ? static_cast<std::size_t>(n) : 0;
        has_moved = n > 0;
    }
    if (!direction.is_empty() && to >= 0) {
        const ssize_t n = send(to, direction.bytes.data() + direction.begin,
                               direction.end - direction.begin, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && !is_to_wait()) {
            close("the connection of the disks has ended");
            return false;
        }
        if (n > 0) {
            direction.begin += static_cast<std::size_t>(n);
            has_moved = true;
        }
    }
    return has_moved;
}

void CopyBridge::serve(uint32_t revents) {
    for (int i = 0; i < kReadsInARow && !is_closed_; ++i) {
        const bool has_greeted = !to_local_.is_empty();
        const bool came = move(remote_.get(), local_.get(), to_local_);
        if (is_closed_)
            return;
        if (came) {
            is_owed_ = false;
            owed_.stop();
        }
        if (came && !has_greeted)
            if (const auto greeted = std::exchange(callbacks_.greeted, {}))
                greeted();
        const bool went = local_ && move(local_.get(), remote_.get(), to_remote_);
        if (is_closed_)
            return;
        if (went && !is_owed_)
            owe();
        if (!came && !went)
            break;
    }
    // It would be reported again at once.
    if ((revents & (EPOLLHUP | EPOLLERR)) != 0)
        return close("the connection of the disks has ended");
    watch();
}

// Each side is read when there is room for what it says, and written when there is something.
void CopyBridge::watch() {
    const auto events = [](const Direction &from, const Direction &to) {
        return (from.is_empty() ? uint32_t{EPOLLIN} : 0) | (to.is_empty() ? 0 : uint32_t{EPOLLOUT});
    };
    remote_watch_.set_events(events(to_local_, to_remote_));
    if (local_)
        local_watch_.set_events(events(to_remote_, to_local_));
}

void CopyBridge::owe() {
    is_owed_ = true;
    owed_.start(patience_usec_);
}

void CopyBridge::close(const std::string &why) {
    if (std::exchange(is_closed_, true))
        return;
    owed_.stop();
    remote_watch_.reset();
    local_watch_.reset();
    listener_watch_.reset();
    for (UniqueFd *fd : {&remote_, &local_, &listener_}) {
        if (*fd)
            shutdown(fd->get(), SHUT_RDWR);
        fd->reset();
    }
    if (const auto closed = std::exchange(callbacks_.closed, {}))
        closed(why);
}

}  // namespace qemunit::helper
