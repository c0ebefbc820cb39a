// SPDX-License-Identifier: MIT
#include "helper/console/journal.h"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>

namespace qemunit::helper {

namespace {

constexpr std::string_view kSocket = "/run/systemd/journal/socket";
constexpr uint64_t kJournalRetryUsec = 200'000;
constexpr unsigned kRetriesMax = 25;  // 5 s, in which systemd-journald.socket is long restarted
constexpr uint64_t kFiledCheckUsec = 2'000;
constexpr unsigned kFiledChecksMax = 2'500;  // 5 s in all
constexpr int kJournalSendBuffer = 8 << 20;  // bytes; as much as the kernel grants, like libsystemd

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(sd_event *event, std::function<void()> on_room) {
    std::unique_ptr<Journal> journal(new Journal(event, std::move(on_room)));
    if (auto connected = journal->connect(); !connected)
        return std::unexpected(connected.error());
    if (auto made = journal->make_timers(); !made)
        return std::unexpected(made.error());
    return journal;
}

Result<> Journal::make_timers() {
    auto retry = Timer::create(event_, [this] { this->retry(); });
    if (!retry)
        return std::unexpected(retry.error());
    auto filed = Timer::create(
        event_, [this] { check_filed(); }, /*accuracy=*/1);
    if (!filed)
        return std::unexpected(filed.error());
    retry_ = std::move(*retry);
    filed_timer_ = std::move(*filed);
    return {};
}

Result<> Journal::connect() {
    io_.reset();
    fd_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd_)
        return fail_errno(errno, "cannot create a socket");
    setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUF, &kJournalSendBuffer, sizeof kJournalSendBuffer);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    kSocket.copy(address.sun_path, kSocket.size());
    // Connected, because only then does epoll know when the receiver has room.
    if (::connect(fd_.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0)
        return fail_errno(errno, "cannot reach the journal");
    auto io = FdWatch::create(event_, fd_.get(), EPOLLOUT, "the journal's socket",
                              [this](uint32_t) { flush(); });
    if (!io)
        return std::unexpected(io.error());
    io_ = std::move(*io);
    io_.set_enabled(false);
    return {};
}

void Journal::send(const Fields &fields) {
    std::string entry;
    for (const auto &[name, value] : fields)
        entry.append(name).append("=").append(value).append("\n");
    queued_bytes_ += entry.size();
    queue_.push_back(std::move(entry));
    if (queue_.size() == 1)
        flush();
}

void Journal::flush() {
    const bool was_full = is_full();
    while (!queue_.empty() && fd_) {
        const std::string &entry = queue_.front();
        const ssize_t n = ::send(fd_.get(), entry.data(), entry.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
            io_.set_enabled(true);
            return;
        }
        if (n < 0 && (errno == ECONNREFUSED || errno == ENOTCONN || errno == ENOENT)) {
            retry_later();  // systemd-journald.socket was restarted
            return;
        }
        // The entry was sent, or journald refuses it for good: no second attempt.
        queued_bytes_ -= entry.size();
        queue_.pop_front();
    }
    io_.set_enabled(false);
    if (was_full || queue_.empty())
        on_room_();
}

void Journal::retry_later() {
    io_.set_enabled(false);
    retry_.start(kJournalRetryUsec);
}

void Journal::retry() {
    if (connect()) {
        retries_ = 0;
        flush();
        return;
    }
    if (++retries_ > kRetriesMax)
        send_as_text();
    retry_later();
}

// The sandbox has the journal's socket alone, without its folder: after a restart of
// systemd-journald.socket, the new one is not in there, and a guest would wait for it with each
// line. Standard error goes on reaching the journal.
void Journal::send_as_text() {
    if (retries_ == kRetriesMax + 1)
        fmt::print(stderr,
                   "<4>qemunit-helper: the journal's socket was replaced; until this VM is "
                   "restarted, its lines have no QEMUNIT_ fields\n");
    const bool was_full = is_full();
    pollfd room{STDERR_FILENO, POLLOUT, 0};
    while (!queue_.empty() && poll(&room, 1, 0) == 1) {
        const std::string &entry = queue_.front();
        const auto value = [&](std::string_view name) {
            const std::size_t at = ("\n" + entry).find(fmt::format("\n{}=", name));
            if (at == std::string::npos)
                return std::string();
            const std::size_t begin = at + name.size() + 1;
            return entry.substr(begin, entry.find('\n', begin) - begin);
        };
        fmt::print(stderr, "<{}>{}\n", value("PRIORITY"), value("MESSAGE"));
        queued_bytes_ -= entry.size();
        queue_.pop_front();
    }
    if (was_full || queue_.empty())
        on_room_();
}

// journald takes one message after the other, and drops an empty message silently. Once the empty
// message is gone from the socket, everything before it is filed.
void Journal::wait_until_filed(std::function<void()> done) {
    if (filed_)
        return;
    filed_ = std::move(done);
    filed_timer_.start(0);
}

void Journal::check_filed() {
    bool waits = false;
    if (!empty_sent_) {
        empty_sent_ = ::send(fd_.get(), "", 0, MSG_NOSIGNAL) == 0;
        waits = !empty_sent_ &&
                (errno == EAGAIN || errno == ENOBUFS);  // no room, even for an empty message
    }
    if (empty_sent_) {
        int unread = 0;  // bytes that the receiver has not taken yet (unix(7), SIOCOUTQ)
        waits = ioctl(fd_.get(), SIOCOUTQ, &unread) == 0 && unread > 0;
    }
    if (!waits || ++filed_checks_ >= kFiledChecksMax) {
        filed_();
        return;
    }
    filed_timer_.start(kFiledCheckUsec);
}

}  // namespace qemunit::helper
