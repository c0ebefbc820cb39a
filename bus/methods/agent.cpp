// SPDX-License-Identifier: MIT
//
// AgentExecute of org.qemunit1.VM. While a call lasts, it is one of the clients of agent.sock,
// which the companion serves: the companion and other clients use the agent at the same time.
#include <fmt/format.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>

#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "bus/monitor/agent_exchange.h"
#include "bus/monitor/hot_drive.h"
#include "common/bus_errors.h"
#include "common/fd_watch.h"
#include "common/shared_names.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

constexpr char kSocket[] = "agent";  // and the chardev

void refuse(const Call &call, const std::string &text) {
    reply_error(call, bus_error::kAgent, text);
}

// The conversation of one call. It owns itself until the call is answered.
class Conversation : public std::enable_shared_from_this<Conversation> {
  public:
    Conversation(CallPtr call, AgentExchange exchange)
        : call_(std::move(call)), exchange_(std::move(exchange)) {}

    Result<> begin(const std::string &socket) {
        auto fd = connect_unix(socket);
        if (!fd)
            return std::unexpected(fd.error());
        fd_ = std::move(*fd);
        sd_event *event = sd_bus_get_event(sd_bus_message_get_bus(call_->message.get()));
        auto timer = start_timer(event, call_->deadline, [this] { time_out(); });
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
            return hang_up();
        if (exchange_.is_over())
            end();
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

    // An agent that has shut the guest down answers no more.
    void hang_up() {
        if (exchange_.answer() || (exchange_.is_given() && call_->asked == "guest-shutdown"))
            return end();
        reply_error(*call_,
                    QmpError{QmpError::Kind::disconnected, "the guest agent's socket was closed"});
        leave();
    }

    void end() {
        if (!exchange_.answer())
            reply_text(*call_, "");
        else if (*exchange_.answer())
            reply_text(*call_, json_text(**exchange_.answer()));
        else
            refuse(*call_, exchange_.answer()->error());
        leave();
    }

    void time_out() {
        const auto alive = shared_from_this();
        reply_error(*call_, bus_error::kTimeout,
                    exchange_.is_given()
                        ? fmt::format("The guest agent of VM '{}' did not answer '{}' within {} s; "
                                      "it may still do it",
                                      call_->vm_name, call_->asked, call_->timeout / kSecond)
                        : fmt::format("The guest agent of VM '{}' did not answer within {} s; '{}' "
                                      "was not given to it",
                                      call_->vm_name, call_->timeout / kSecond, call_->asked));
        leave();
    }

    void leave() {
        io_.reset();
        timer_.reset();
        self_.reset();
    }

    CallPtr call_;
    AgentExchange exchange_;
    UniqueFd fd_;
    std::string output_;
    EventSourcePtr timer_;
    FdWatch io_;
    std::shared_ptr<Conversation> self_;
};

void converse(const CallPtr &call, const json &arguments) {
    uint64_t id = 0;
    if (getrandom(&id, sizeof id, 0) != static_cast<ssize_t>(sizeof id))
        return refuse(*call, "There are no random numbers");
    id >>= 12;  // an integer for everybody's JSON
    const auto vm = call->vm.lock();
    if (!vm)
        return reply_error(*call, QmpError{QmpError::Kind::disconnected, "it is gone"});
    const auto conversation =
        std::make_shared<Conversation>(call, AgentExchange(call->asked, arguments, id));
    if (auto begun = conversation->begin(vm->paths().socket_path(vm->name(), kSocket)); !begun)
        refuse(*call, fmt::format("The guest agent of VM '{}' cannot be reached: {}", vm->name(),
                                  begun.error().message));
}

// Whether something in the guest has the port open: otherwise no agent would answer.
bool is_open_in_guest(const json &chardevs) {
    if (chardevs.is_array())
        for (const json &chardev : chardevs)
            if (chardev.is_object() && string_at(chardev, "label") == kSocket) {
                const auto open = chardev.find("frontend-open");
                return open != chardev.end() && open->is_boolean() && open->get<bool>();
            }
    return false;
}

// QEMU is asked first: its answer says that QEMU runs, so that to connect starts no VM.
void look_for_agent(const CallPtr &call, const json &arguments) {
    ask(call, "qom-list", {{"path", "/machine/peripheral"}},
        [call, arguments](const json &peripherals) {
            if (!qom_children(peripherals).contains(std::string(kGuestAgentDevice)))
                return refuse(*call,
                              fmt::format("VM '{}' has no channel to a guest agent; GuestAgent=yes "
                                          "in [VM] of its ini gives it one at the next start",
                                          call->vm_name));
            ask(call, "query-chardev", nullptr, [call, arguments](const json &chardevs) {
                if (is_open_in_guest(chardevs))
                    converse(call, arguments);
                else
                    refuse(*call, fmt::format("No guest agent runs in VM '{}': nothing there has "
                                              "opened its channel; install qemu-guest-agent in the "
                                              "guest and start it",
                                              call->vm_name));
            });
        });
}

int method_agent_execute(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::monitor, "guest agent"}, error,
                      [](const CallPtr &call) {
                          const auto command = read_json_command(*call);
                          if (!command)
                              return;
                          call->asked = command->name;
                          look_for_agent(call, command->arguments);
                      });
}

}  // namespace

const sd_bus_vtable kAgentMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("AgentExecute", SD_BUS_ARGS("s", command, "s", arguments),
                            SD_BUS_RESULT("s", result), method_agent_execute, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
