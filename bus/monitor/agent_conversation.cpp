// SPDX-License-Identifier: MIT
#include "bus/monitor/agent_conversation.h"

#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <utility>

#include "common/fd_watch.h"
#include "common/qmp/qmp_client.h"
#include "common/shared_names.h"
#include "common/timer.h"

namespace qemunit::bus {

namespace {

// The conversation owns itself until it ends.
class Conversation : public std::enable_shared_from_this<Conversation> {
  public:
    Conversation(AgentExchange exchange, std::function<void(const AgentEnd &)> done)
        : exchange_(std::move(exchange)), done_(std::move(done)) {}

    Result<> begin(sd_event *event, const std::string &socket, uint64_t deadline) {
        auto fd = connect_unix(socket);
        if (!fd)
            return std::unexpected(fd.error());
        fd_ = std::move(*fd);
        auto timer = start_timer(event, deadline, [this] { end(AgentEnd::How::timed_out); });
        if (!timer)
            return std::unexpected(timer.error());
        timer_ = std::move(*timer);
        auto io =
            FdWatch::create(event, fd_.get(), EPOLLIN, socket, [this](uint32_t) { converse(); });
        if (!io)
            return std::unexpected(io.error());
        io_ = std::move(*io);
        self_ = shared_from_this();
        say(exchange_.first_words());
        return {};
    }

  private:
    void converse() {
        const auto alive = shared_from_this();
        char buffer[16384];
        const ssize_t n = read(fd_.get(), buffer, sizeof buffer);
        if (n > 0)
            say(exchange_.take({buffer, static_cast<std::size_t>(n)}));
        else if (n == 0 || (errno != EAGAIN && errno != EINTR))
            return end(AgentEnd::How::hung_up);
        if (exchange_.is_over())
            end(AgentEnd::How::over);
        else
            flush();
    }

    void say(const std::string &words) {
        output_ += words;
        flush();
    }

    // An error of send() shows as the end of the connection at the next read().
    void flush() {
        const ssize_t n = output_.empty() ? 0
                                          : ::send(fd_.get(), output_.data(), output_.size(),
                                                   MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0)
            output_.erase(0, static_cast<std::size_t>(n));
        else if (n < 0 && errno != EAGAIN && errno != EINTR)
            output_.clear();
        io_.set_events(output_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
    }

    void end(AgentEnd::How how) {
        const auto alive = shared_from_this();
        io_.reset();
        timer_.reset();
        self_.reset();
        std::exchange(done_, {})({how, exchange_.is_given(), exchange_.answer()});
    }

    AgentExchange exchange_;
    std::function<void(const AgentEnd &)> done_;
    UniqueFd fd_;
    std::string output_;
    EventSourcePtr timer_;
    FdWatch io_;
    std::shared_ptr<Conversation> self_;
};

}  // namespace

Result<> ask_agent(sd_event *event, const std::string &socket, std::string command,
                   nlohmann::json arguments, uint64_t deadline,
                   std::function<void(const AgentEnd &)> done) {
    uint64_t id = 0;
    if (getrandom(&id, sizeof id, 0) != static_cast<ssize_t>(sizeof id))
        return fail(EIO, "There are no random numbers");
    id >>= 12;  // an integer for everybody's JSON
    return std::make_shared<Conversation>(
               AgentExchange(std::move(command), std::move(arguments), id), std::move(done))
        ->begin(event, socket, deadline);
}

bool is_agent_open(const nlohmann::json &chardevs) {
    if (chardevs.is_array())
        for (const nlohmann::json &chardev : chardevs)
            if (chardev.is_object() && string_at(chardev, "label") == kGuestAgentSocket) {
                const auto open = chardev.find("frontend-open");
                return open != chardev.end() && open->is_boolean() && open->get<bool>();
            }
    return false;
}

}  // namespace qemunit::bus
