// SPDX-License-Identifier: MIT
#include "common/qmp/usernet_question.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "common/qmp/qmp_client.h"
#include "common/timer.h"
#include "common/usernet/request.h"

namespace qemunit {

namespace {

// Some 10,000 connections.
constexpr std::size_t kAnswerMax = std::size_t{1} << 20;

}  // namespace

UsernetQuestion::UsernetQuestion(sd_event *event, const std::string &socket, std::string line,
                                 uint64_t deadline, Answered answered)
    : answered_(std::move(answered)) {
    const auto begun = begin(event, socket, line, deadline);
    if (begun)
        return;
    // Not before this object is where its owner keeps it.
    fd_.reset();
    auto timer =
        start_timer(event, 0, [this, error = begun.error()] { finish(std::unexpected(error)); });
    if (timer)
        deadline_ = std::move(*timer);
}

Result<> UsernetQuestion::begin(sd_event *event, const std::string &socket, const std::string &line,
                                uint64_t deadline) {
    auto fd = connect_unix(socket);
    if (!fd)
        return std::unexpected(fd.error());
    fd_ = std::move(*fd);
    // A new connection has room for a line.
    if (send(fd_.get(), line.data(), line.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(line.size()))
        return fail_errno(errno, "cannot ask qemunit-usernet");
    auto reading =
        FdWatch::create(event, fd_.get(), EPOLLIN, "qemunit-usernet", [this](uint32_t) { take(); });
    if (!reading)
        return std::unexpected(reading.error());
    reading_ = std::move(*reading);
    auto timer = start_timer(
        event, deadline, [this] { finish(fail(ETIMEDOUT, "qemunit-usernet does not answer")); });
    if (!timer)
        return std::unexpected(timer.error());
    deadline_ = std::move(*timer);
    return {};
}

void UsernetQuestion::take() {
    char bytes[4096];
    const ssize_t size = read(fd_.get(), bytes, sizeof bytes);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size > 0 && text_.size() < kAnswerMax)
        text_.append(bytes, static_cast<std::size_t>(size));
    else
        finish(parse_usernet_answer(text_));
}

void UsernetQuestion::finish(Result<std::string> answer) {
    reading_.reset();
    deadline_.reset();
    fd_.reset();
    // The callback may end this object.
    const Answered answered = std::move(answered_);
    answered(answer);
}

}  // namespace qemunit
