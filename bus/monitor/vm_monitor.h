// SPDX-License-Identifier: MIT
//
// The daemon's QMP connection to one VM, kept for as long as the VM's unit is up. Where connecting
// fails, or the connection breaks, the monitor tries again, and calls wait. Every call is answered
// within its deadline. Owned by a Vm, which says when to connect.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "common/qmp/qmp_client.h"
#include "common/timer.h"

namespace qemunit::bus {

class VmMonitor {
  public:
    using Reply = QmpClient::Reply;
    using ReplyCallback = QmpClient::ReplyCallback;

    struct Callbacks {
        std::function<void()> refreshed;  // version() or status() are new, or confirmed
        std::function<void(const QmpEvent &)> event;
        std::function<void(const std::string &)> violated;  // how QEMU broke the protocol
        // The connection has ended, for this reason; what QEMU has promised on it is void.
        std::function<void(const std::string &)> lost;
        // Whether QEMU's process has ended; nobody connects then. May be left out.
        std::function<bool()> has_ended = {};
    };

    VmMonitor(sd_event *event, std::string socket, Callbacks callbacks);
    VmMonitor(const VmMonitor &) = delete;
    VmMonitor &operator=(const VmMonitor &) = delete;

    // Connects, unless connected. `persist`: tries again until QEMU answers, and whenever the
    // connection ends. Otherwise makes one attempt, and none after the connection has ended.
    void open(bool persist);

    // Ends the connection, and all calls with `reason`, as disconnected.
    void close(const std::string &reason);

    // open() was called, and no close() since.
    bool is_wanted() const { return opened_; }
    // A call can be served or wait for the connection.
    bool is_open() const { return client_ || retry_; }

    // `deadline`: CLOCK_MONOTONIC, in µs. `callback` is called exactly once, unless the
    // monitor is destroyed first; at once if is_open() is not. `fd` goes with the command.
    void execute(std::string_view command, nlohmann::json arguments, uint64_t deadline,
                 ReplyCallback callback, UniqueFd fd = {});

    // The status in QEMU's last answer to query-status; empty before. Survives a broken connection,
    // but not close().
    const std::string &status() const { return status_; }
    const std::string &version() const { return version_; }

  private:
    struct Call {
        std::string command;
        nlohmann::json arguments;
        uint64_t deadline;
        ReplyCallback callback;
        EventSourcePtr timer;
        UniqueFd fd;
    };

    void connect();
    void retry(const std::string &trouble);
    void on_ready();
    void on_event(const QmpEvent &event);
    void on_closed(const std::string &reason);
    void query_status();
    void take_status(const Reply &reply);
    void send(uint64_t id);
    void finish(uint64_t id, Reply reply);
    void give_up(const std::string &reason);

    sd_event *event_;
    std::string socket_;
    Callbacks callbacks_;
    bool opened_ = false;
    bool persist_ = false;
    uint64_t retry_delay_ = 0;
    std::string trouble_;  // why there is no connection
    EventSourcePtr retry_, next_query_;
    bool querying_ = false;
    bool query_again_ = false;
    std::string status_;
    std::string version_;
    uint64_t next_id_ = 1;
    std::map<uint64_t, Call> calls_;
    std::unique_ptr<QmpClient> client_;  // the last member: the first to go
};

}  // namespace qemunit::bus
