// SPDX-License-Identifier: MIT
#include "bus/sessions/monitor_session.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <iterator>
#include <utility>

#include "common/files/descriptor_message.h"

namespace qemunit::bus {

namespace {

constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::size_t kFdsMax = 16;  // TCP_MAX_FDS of QEMU's chardev/char-socket.c

}  // namespace

Result<std::shared_ptr<MonitorSession>> MonitorSession::create(
    sd_event *event, VmMonitor &monitor, UniqueFd fd, std::unique_ptr<MonitorLanguage> language,
    std::function<void(MonitorSession &)> ended) {
    std::shared_ptr<MonitorSession> session(
        new MonitorSession(event, monitor, std::move(fd), std::move(language), std::move(ended)));
    auto watch = FdWatch::create(event, session->fd_.get(), EPOLLIN, "a monitor session",
                                 [&self = *session](uint32_t revents) { self.serve(revents); });
    if (!watch)
        return std::unexpected(watch.error());
    session->watch_ = std::move(*watch);
    session->say(session->language_->greeting());
    session->flush();
    session->update_watch();
    return session;
}

void MonitorSession::serve(uint32_t revents) {
    const auto self = shared_from_this();
    if (revents & EPOLLOUT)
        flush();
    if (watch_ && (revents & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !is_waiting_ && output_.empty())
        read_input();
    advance();
}

// Reads only when all commands before are done. So an fd belongs to a command of the same read: the
// kernel ends a read after the bytes that an fd was sent with (unix_stream_read_generic()).
void MonitorSession::read_input() {
    std::array<char, kReadSize> buffer;
    DescriptorMessage message = receive_with_descriptors(fd_.get(), buffer, 0, kFdsMax);
    const ssize_t n = message.size;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        input_ended_ = true;
        return;
    }
    // As in QEMU, fds that no command has taken are closed when others come.
    if (!message.fds.empty())
        fds_ = {std::move_iterator(message.fds.begin()), std::move_iterator(message.fds.end())};
    language_->take({buffer.data(), static_cast<std::size_t>(n)});
}

void MonitorSession::advance() {
    if (std::exchange(is_advancing_, true))
        return;
    while (watch_ && !is_waiting_ && !is_over_ && output_.empty()) {
        auto step = language_->next();
        if (!step)
            break;
        say(step->text);
        is_over_ = step->ends;
        if (step->request)
            request(std::move(*step->request));
        flush();
    }
    is_advancing_ = false;
    update_watch();
}

void MonitorSession::request(MonitorRequest request) {
    is_waiting_ = true;
    UniqueFd fd;
    if (request.takes_fd && !fds_.empty()) {
        fd = std::move(fds_.front());
        fds_.pop_front();
    }
    monitor_.execute(
        request.command, std::move(request.arguments), monotonic_now(event_) + kTimeout,
        [session = weak_from_this(),
         answer = std::move(request.answer)](const VmMonitor::Reply &reply) {
            const auto self = session.lock();
            if (!self)
                return;
            self->is_waiting_ = false;
            self->say(answer(reply));
            self->flush();
            self->advance();
        },
        std::move(fd));
}

void MonitorSession::take_event(const QmpEvent &event) {
    if (is_deaf_)
        return;
    say(language_->event_text(event));
    flush();
    advance();
}

void MonitorSession::say(std::string_view text) {
    if (is_deaf_ || text.empty())
        return;
    if (output_.size() > kUnreadMax) {
        end();
        return;
    }
    output_ += text;
}

void MonitorSession::flush() {
    while (watch_ && !output_.empty()) {
        const ssize_t n = send(fd_.get(), output_.data(), output_.size(), MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        is_deaf_ = n < 0;
        output_.erase(0, is_deaf_ ? output_.size() : static_cast<std::size_t>(n));
    }
}

// The socket is not watched for EPOLLHUP alone, which would be reported again and again: that a
// client has left shows when the next byte is to be read or written.
void MonitorSession::update_watch() {
    if (!watch_)
        return;
    if ((input_ended_ || is_over_) && !is_waiting_ && output_.empty()) {
        end();
        return;
    }
    const uint32_t events = !output_.empty() ? EPOLLOUT : is_waiting_ ? 0u : EPOLLIN;
    watch_.set_events(events);
    watch_.set_enabled(events != 0);
}

void MonitorSession::end() {
    if (!watch_)
        return;
    watch_.reset();
    fd_.reset();
    const auto self = shared_from_this();
    ended_(*this);
}

}  // namespace qemunit::bus
