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
    sd_event_source *source = nullptr;
    if (int r = sd_event_add_io(event, &source, fd_.get(), EPOLLIN, take, this); r < 0)
        return fail_errno(r, "cannot wait for qemunit-usernet");
    reading_.reset(source);
    auto timer = start_timer(
        event, deadline, [this] { finish(fail(ETIMEDOUT, "qemunit-usernet does not answer")); });
    if (!timer)
        return std::unexpected(timer.error());
    deadline_ = std::move(*timer);
    return {};
}

int UsernetQuestion::take(sd_event_source *, int fd, uint32_t, void *userdata) {
    auto &question = *static_cast<UsernetQuestion *>(userdata);
    char bytes[4096];
    const ssize_t size = read(fd, bytes, sizeof bytes);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (size > 0 && question.text_.size() < kAnswerMax)
        question.text_.append(bytes, static_cast<std::size_t>(size));
    else
        question.finish(parse_usernet_answer(question.text_));
    return 0;
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
