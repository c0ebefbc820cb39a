// SPDX-License-Identifier: MIT
#include "ctl/run/streams.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>

namespace qemunit::ctl {

namespace {

constexpr std::size_t kPieceOfStream = 1 << 16;
// What a pipe that is writable takes without waiting (pipe(7)).
constexpr std::size_t kPipePiece = 4096;
constexpr std::size_t kTailMost = 64 << 10;

}  // namespace

Result<> Sink::start(sd_event *event, UniqueFd from, int to, std::function<void()> moved) {
    from_ = std::move(from);
    to_ = to;
    moved_ = std::move(moved);
    auto reading = FdWatch::create(event, from_.get(), EPOLLIN, "the guest",
                                   [this](uint32_t) { read_piece(); });
    if (!reading)
        return std::unexpected(reading.error());
    reading_ = std::move(*reading);
    if (to_ < 0)
        return {};
    auto writing =
        FdWatch::create(event, to_, 0, "standard output", [this](uint32_t) { write_piece(); });
    // A file is always ready.
    if (!writing && writing.error().code != EPERM)
        return std::unexpected(writing.error());
    if (writing) {
        writing_ = std::move(*writing);
        writing_.set_enabled(false);
    }
    return {};
}

void Sink::read_piece() {
    buffer_.resize(kPieceOfStream);
    const ssize_t n = recv(from_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        buffer_.clear();
        return;
    }
    buffer_.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    sent_ = 0;
    if (n <= 0) {
        has_ended_ = true;
        reading_.set_enabled(false);
    } else if (to_ < 0 || is_broken())
        finish_piece();
    else
        begin_piece();
    moved_();
}

void Sink::begin_piece() {
    if (!writing_) {
        while (sent_ < buffer_.size() && write_some(buffer_.size()))
            ;
        finish_piece();
        return;
    }
    reading_.set_enabled(false);
    writing_.set_events(EPOLLOUT);
    writing_.set_enabled(true);
}

void Sink::write_piece() {
    if (sent_ < buffer_.size() && write_some(kPipePiece) && sent_ < buffer_.size())
        return;
    writing_.set_enabled(false);
    reading_.set_enabled(true);
    finish_piece();
    moved_();
}

bool Sink::write_some(std::size_t most) {
    const ssize_t n = write(to_, buffer_.data() + sent_, std::min(most, buffer_.size() - sent_));
    if (n < 0 && errno != EINTR && errno != EAGAIN) {
        error_ = errno;
        return false;
    }
    sent_ += n > 0 ? static_cast<std::size_t>(n) : 0;
    return true;
}

void Sink::finish_piece() {
    delivered_ += buffer_.size();
    buffer_.clear();
    sent_ = 0;
}

Result<> Tail::start(sd_event *event, UniqueFd from, bool shows, std::function<void()> ended) {
    from_ = std::move(from);
    shows_ = shows;
    ended_ = std::move(ended);
    auto watch =
        FdWatch::create(event, from_.get(), EPOLLIN, "the VM", [this](uint32_t) { read_piece(); });
    if (!watch)
        return std::unexpected(watch.error());
    watch_ = std::move(*watch);
    return {};
}

void Tail::read_piece() {
    std::array<char, kPieceOfStream> buffer;
    const ssize_t n = read(from_.get(), buffer.data(), buffer.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        has_ended_ = true;
        watch_.set_enabled(false);
        ended_();
        return;
    }
    const std::string_view bytes(buffer.data(), static_cast<std::size_t>(n));
    if (shows_) {
        std::fwrite(bytes.data(), 1, bytes.size(), stderr);
        std::fflush(stderr);
    }
    text_ += bytes;
    if (text_.size() > 2 * kTailMost)
        text_.erase(0, text_.size() - kTailMost);
}

}  // namespace qemunit::ctl
