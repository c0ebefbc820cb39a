// SPDX-License-Identifier: MIT
#include "helper/console/journal.h"

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace qemunit::helper {

namespace {

constexpr std::string_view kSocket = "/run/systemd/journal/socket";
constexpr uint64_t kJournalRetryUsec = 200'000;
constexpr uint64_t kFiledCheckUsec = 2'000;
constexpr unsigned kFiledChecksMax = 2'500;  // 5 s in all
constexpr int kJournalSendBuffer = 8 << 20;  // bytes; as much as the kernel grants, like libsystemd

}  // namespace

Result<std::unique_ptr<Journal>> Journal::open(sd_event *event, std::function<void()> on_room) {
    std::unique_ptr<Journal> journal(new Journal(event, std::move(on_room)));
    if (auto connected = journal->connect(); !connected)
        return std::unexpected(connected.error());
    return journal;
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
    sd_event_source *source = nullptr;
    const int r = sd_event_add_io(
        event_, &source, fd_.get(), EPOLLOUT,
        [](sd_event_source *, int, uint32_t, void *userdata) {
            static_cast<Journal *>(userdata)->flush();
            return 0;
        },
        this);
    if (r < 0)
        return fail_errno(r, "cannot watch the journal's socket");
    io_.reset(source);
    sd_event_source_set_enabled(source, SD_EVENT_OFF);
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
            sd_event_source_set_enabled(io_.get(), SD_EVENT_ON);
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
    if (io_)
        sd_event_source_set_enabled(io_.get(), SD_EVENT_OFF);
    if (was_full || queue_.empty())
        on_room_();
}

void Journal::retry_later() {
    if (io_)
        sd_event_source_set_enabled(io_.get(), SD_EVENT_OFF);
    sd_event_source *source = nullptr;
    if (sd_event_add_time_relative(
            event_, &source, CLOCK_MONOTONIC, kJournalRetryUsec, 0,
            [](sd_event_source *, uint64_t, void *userdata) {
                auto *journal = static_cast<Journal *>(userdata);
                if (journal->connect())
                    journal->flush();
                else
                    journal->retry_later();
                return 0;
            },
            this) >= 0)
        retry_.reset(source);
}

// journald takes one message after the other, and drops an empty message silently. Once the empty
// message is gone from the socket, everything before it is filed.
void Journal::wait_until_filed(std::function<void()> done) {
    if (filed_)
        return;
    filed_ = std::move(done);
    sd_event_source *source = nullptr;
    if (sd_event_add_time_relative(
            event_, &source, CLOCK_MONOTONIC, 0, 1,
            [](sd_event_source *, uint64_t, void *userdata) {
                static_cast<Journal *>(userdata)->check_filed();
                return 0;
            },
            this) < 0) {
        filed_();
        return;
    }
    filed_timer_.reset(source);
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
    sd_event_source_set_time_relative(filed_timer_.get(), kFiledCheckUsec);
    sd_event_source_set_enabled(filed_timer_.get(), SD_EVENT_ONESHOT);
}

}  // namespace qemunit::helper
