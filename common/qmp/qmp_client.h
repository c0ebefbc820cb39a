// SPDX-License-Identifier: MIT
//
// One connection to a QMP monitor, asynchronous, on an sd-event loop: handshake,
// commands with ids and deadlines, events. qemunitd and the companion use it.
// It trusts nothing that QEMU sends: a guest may have taken QEMU over.
//
// Protocol: docs/interop/qmp-spec.txt of QEMU. The greeting is not readiness: QEMU
// sends it from a thread of its own while start-up can still fail. The reply to
// qmp_capabilities comes from the main loop, so ready() means "the VM is up".
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/event_ptr.h"
#include "common/fd_watch.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit {

struct QmpEvent {
    std::string name;     // "SHUTDOWN"
    uint64_t usec = 0;    // CLOCK_REALTIME, by QEMU's clock
    nlohmann::json data;  // an object, empty where the event has none
};

struct QmpError {
    enum class Kind {
        monitor,       // QEMU answered with an error
        timeout,       // no answer before the deadline
        disconnected,  // the connection ended first
    };
    Kind kind;
    std::string message;
    std::string error_class = "GenericError";  // of Kind::monitor, as QEMU names it
};

// Anything but JSON gives "discarded" (nlohmann); so does a text that is nested deeper than QEMU's
// own limit, since to copy or write such a value recurses, and a text with more than 200,000
// values.
nlohmann::json parse_json(std::string_view text);

// Compact; never fails.
std::string json_text(const nlohmann::json &value);

// "" if `object` is no object, or has no such string.
std::string string_at(const nlohmann::json &object, const char *key);

class QmpClient {
  public:
    using Reply = std::expected<nlohmann::json, QmpError>;
    using ReplyCallback = std::function<void(Reply)>;

    // Each may destroy the client from within, and so may a ReplyCallback.
    struct Callbacks {
        std::function<void()> ready;
        std::function<void(const QmpEvent &)> event;
        std::function<void(const std::string &reason)> closed;  // once, last of all
    };

    // `fd`: a connected stream socket; becomes non-blocking. `max_message`: bytes of
    // one message, and of commands that QEMU has not read yet; a QEMU that sends more is
    // cut off, one that reads nothing gets no more commands.
    static Result<std::unique_ptr<QmpClient>> create(sd_event *event, UniqueFd fd,
                                                     Callbacks callbacks,
                                                     std::size_t max_message = 16u << 20);
    // The same on a connection that another process has used, and left at any point: before or
    // after the handshake, in the middle of a message of either side. Replies to that process are
    // ignored; `first_id`: beyond all ids that it may have used.
    static Result<std::unique_ptr<QmpClient>> take_over(sd_event *event, UniqueFd fd,
                                                        Callbacks callbacks, uint64_t first_id,
                                                        std::size_t max_message = 16u << 20);
    ~QmpClient();
    QmpClient(const QmpClient &) = delete;
    QmpClient &operator=(const QmpClient &) = delete;

    // Sends a command as soon as the handshake is done. `callback` is called exactly
    // once, at the latest after `timeout_usec`; not at all once the client is gone.
    // `fd` goes with the command, for getfd and add-fd. A command with an fd needs is_ready().
    // A QEMU that has said SHUTDOWN gets no command any more (`disconnected`): a command that comes
    // while QEMU 7.2 takes its monitors down can keep it from ever ending.
    void execute(std::string_view command, nlohmann::json arguments, uint64_t timeout_usec,
                 ReplyCallback callback, UniqueFd fd = {});

    // From now on this is the connection that `other` was, with the callbacks of this one. What
    // this one has not been answered ends as `disconnected`. `other` is ready; of answers that it
    // owes, nobody hears.
    void become(std::unique_ptr<QmpClient> other);

    // "7.2.22", from the greeting; empty before it.
    const std::string &version() const { return version_; }
    bool is_ready() const { return ready_; }

  private:
    struct Request {
        ReplyCallback callback;
        EventSourcePtr deadline;
    };

    QmpClient(sd_event *event, UniqueFd fd, Callbacks callbacks, std::size_t max_message);
    Result<> watch();
    void serve(uint32_t revents);
    void read_input();
    void take_message(std::string_view line);
    void take_event(nlohmann::json &message);
    void take_reply(nlohmann::json &message);
    void negotiate();
    void ask_version();
    void become_ready();
    void send(const nlohmann::json &message, UniqueFd fd = {});
    void flush();
    ssize_t send_some();
    void finish(uint64_t id, Reply reply);
    void close(const std::string &reason);

    sd_event *event_;
    UniqueFd fd_;
    Callbacks callbacks_;
    std::size_t max_message_;
    FdWatch io_;
    std::string input_;
    std::size_t scanned_ = 0;  // bytes of input_ known to hold no newline
    std::string output_;
    // Descriptors, each to be sent along with the byte of output_ at its place.
    std::deque<std::pair<std::size_t, UniqueFd>> output_fds_;
    std::string queued_;  // commands given before the handshake was done
    std::string version_;
    bool greeted_ = false;
    bool taken_over_ = false;
    bool in_mid_message_ = false;  // the next line may be the rest of one that somebody else read
    bool negotiated_ = false;
    bool ready_ = false;
    bool is_ending_ = false;  // QEMU has sent SHUTDOWN
    bool closed_ = false;
    uint64_t handshake_id_ = 0;
    uint64_t next_id_ = 1;
    std::map<uint64_t, Request> requests_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // false once destroyed
};

// A connected, non-blocking stream socket. Fails with EAGAIN when the listener's
// queue is full (QEMU keeps room for two), ECONNREFUSED or ENOENT when nobody listens.
Result<UniqueFd> connect_unix(const std::string &path);

}  // namespace qemunit
