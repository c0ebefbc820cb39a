// SPDX-License-Identifier: MIT
#include "bus/monitor/vm_monitor.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/qmp/events.h"

namespace qemunit::bus {

namespace {

constexpr uint64_t kRetryFirst = 100 * kMillisecond;
constexpr uint64_t kRetryLast = 2 * kSecond;

// VmMonitor keeps the deadlines; those of QmpClient come later, and only tidy up.
constexpr uint64_t kClientSlack = kSecond;

// Calls of all callers together. Without this bound, a QEMU that answers nothing, and makes us ask
// by its events, would cost memory without end.
constexpr std::size_t kCallsMax = 4096;

// A QEMU that hangs now may answer much later, and its status is still wanted then.
constexpr uint64_t kStatusTimeout = 24 * 3600ull * kSecond;

// The time between an event and query-status. A QEMU (7.2) that gets a command while it ends may
// wait for ever in monitor_cleanup() of monitor/monitor.c; after an event that its end has caused,
// SHUTDOWN comes within this time.
constexpr uint64_t kStatusDelay = 50 * kMillisecond;

}  // namespace

VmMonitor::VmMonitor(sd_event *event, std::string socket, Callbacks callbacks)
    : event_(event), socket_(std::move(socket)), callbacks_(std::move(callbacks)) {}

void VmMonitor::open(bool persist) {
    persist_ = persist;
    if (!opened_) {
        opened_ = true;
        retry_delay_ = kRetryFirst;
        connect();
    } else if (!client_ && !persist_) {
        retry_.reset();
        give_up(trouble_);
    } else if (!client_ && !retry_) {
        connect();
    }
}

void VmMonitor::close(const std::string &reason) {
    opened_ = persist_ = false;
    retry_.reset();
    next_query_.reset();
    client_.reset();
    status_.clear();
    version_.clear();
    trouble_ = reason;
    give_up(reason);
    callbacks_.lost(reason);
}

void VmMonitor::execute(std::string_view command, nlohmann::json arguments, uint64_t deadline,
                        ReplyCallback callback, UniqueFd fd) {
    if (!is_open()) {
        callback(std::unexpected(
            QmpError{QmpError::Kind::disconnected, trouble_.empty() ? "it is off" : trouble_}));
        return;
    }
    if (calls_.size() >= kCallsMax) {
        callback(std::unexpected(
            QmpError{QmpError::Kind::timeout, "it owes the answers to too many commands"}));
        return;
    }
    const uint64_t id = next_id_++;
    auto timer = start_timer(event_, deadline, [this, id] {
        finish(id, std::unexpected(QmpError{QmpError::Kind::timeout, trouble_}));
    });
    if (!timer) {
        callback(std::unexpected(QmpError{QmpError::Kind::timeout, timer.error().message}));
        return;
    }
    calls_.emplace(id, Call{std::string(command), std::move(arguments), deadline,
                            std::move(callback), std::move(*timer), std::move(fd)});
    if (client_ && client_->is_ready())
        send(id);
}

void VmMonitor::connect() {
    retry_.reset();
    // systemd may not have heard of it yet, and the sockets listen: a connection that nobody takes
    // would be a wish to start the VM, which has just failed, again.
    if (callbacks_.has_ended && callbacks_.has_ended())
        return retry("QEMU has ended");
    auto fd = connect_unix(socket_);
    if (!fd)
        return retry(fd.error().message +
                     (fd.error().code == EACCES ? "; see FILES in qemunitd(8)" : ""));
    auto client = QmpClient::create(event_, std::move(*fd),
                                    {.ready = [this] { on_ready(); },
                                     .event = [this](const QmpEvent &event) { on_event(event); },
                                     .closed =
                                         [this](const std::string &reason) {
                                             on_closed(reason);
                                         }});
    if (!client)
        return retry(client.error().message);
    client_ = std::move(*client);
    querying_ = query_again_ = false;
    trouble_ = "no QMP greeting from " + socket_;
}

// EAGAIN: QEMU's queue of connections is full. ENOENT, ECONNREFUSED: the VM is just
// ending. EACCES: wrong modes, which somebody may put right.
void VmMonitor::retry(const std::string &trouble) {
    trouble_ = trouble;
    if (persist_) {
        // The delay is not reset on success, so that a QEMU that breaks off again and again costs
        // little.
        auto timer =
            start_timer(event_, monotonic_now(event_) + retry_delay_, [this] { connect(); });
        retry_delay_ = std::min(2 * retry_delay_, kRetryLast);
        if (timer) {
            retry_ = std::move(*timer);
            return;
        }
    }
    give_up(trouble);
}

void VmMonitor::on_ready() {
    trouble_.clear();
    version_ = client_->version();
    query_status();
    std::vector<uint64_t> waiting;
    for (const auto &[id, call] : calls_)
        waiting.push_back(id);
    for (uint64_t id : waiting)
        send(id);
    callbacks_.refreshed();
}

void VmMonitor::on_event(const QmpEvent &event) {
    callbacks_.event(event);
    if (event.name == "SHUTDOWN") {
        next_query_.reset();
    } else if (const EventKind *kind = find_event_kind(event.name);
               kind && kind->moves_state && !next_query_) {
        auto timer = start_timer(event_, monotonic_now(event_) + kStatusDelay, [this] {
            next_query_.reset();
            query_status();
        });
        if (timer)
            next_query_ = std::move(*timer);
    }
}

void VmMonitor::on_closed(const std::string &reason) {
    client_.reset();
    next_query_.reset();
    // QmpClient says so if QEMU has sent what it must not, in contrast to a QEMU that has ended.
    if (reason.starts_with("QEMU sent"))
        callbacks_.violated(reason);
    // A guest that goes on in another QEMU: where it is sent from, it stood still.
    if (status_ == "finish-migrate" || status_ == "postmigrate")
        status_.clear();
    callbacks_.lost(reason);
    retry(reason);
}

// One query-status at a time, however many events come.
void VmMonitor::query_status() {
    if (querying_) {
        query_again_ = true;
        return;
    }
    querying_ = true;
    client_->execute("query-status", nullptr, kStatusTimeout, [this](Reply reply) {
        querying_ = false;
        take_status(reply);
        if (std::exchange(query_again_, false) && reply)
            query_status();
    });
}

void VmMonitor::take_status(const Reply &reply) {
    if (!reply || !reply->is_object())
        return;
    auto status = reply->find("status");
    if (status == reply->end() || !status->is_string())
        return;
    status_ = status->get<std::string>();
    callbacks_.refreshed();
}

void VmMonitor::send(uint64_t id) {
    auto found = calls_.find(id);
    if (found == calls_.end())
        return;
    Call &call = found->second;
    const uint64_t now = monotonic_now(event_);
    const uint64_t left = call.deadline > now ? call.deadline - now : 0;
    client_->execute(
        call.command, std::move(call.arguments), left + kClientSlack,
        [this, id](Reply reply) { finish(id, std::move(reply)); }, std::move(call.fd));
}

void VmMonitor::finish(uint64_t id, Reply reply) {
    auto call = calls_.extract(id);
    if (!call)
        return;
    if (call.mapped().command == "query-status")
        take_status(reply);
    call.mapped().callback(std::move(reply));
}

void VmMonitor::give_up(const std::string &reason) {
    for (auto &[id, call] : std::exchange(calls_, {}))
        call.callback(std::unexpected(QmpError{QmpError::Kind::disconnected, reason}));
}

}  // namespace qemunit::bus
