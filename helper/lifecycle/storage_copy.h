// SPDX-License-Identifier: MIT
//
// Copies the disks of a VM that moves to the other host, while the guest runs and writes: QEMU
// mirrors each drive into an NBD export of the target's QEMU, by a CopyBridge. Part of MovingOut,
// which decides; this class never stops the guest nor lets it run, and writes no image of this
// host.
//
//   begin()   what an earlier companion has left is removed; then each drive is mirrored
//   ready     the target has all but what the guest is writing; that follows it from now on
//   finish()  the guest stands still: the rest is sent, and is on the target's disk
//   abort()   nothing more is sent; jobs and nodes go
#pragma once

#include <nlohmann/json.hpp>
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/event_ptr.h"
#include "common/qmp/qmp_client.h"
#include "common/result.h"
#include "common/timer.h"
#include "common/unique_fd.h"
#include "helper/lifecycle/copy_bridge.h"

namespace qemunit::helper {

struct DriveCopy {
    std::string drive;
    UniqueFd connection;  // an NBD server's of the target is at the other end
};

// What Migrate hands over before the move itself, a drive at a time. Nobody's for long.
class OfferedCopies {
  public:
    explicit OfferedCopies(sd_event *event) : event_(event) {}

    // `arguments`: "token", "drive".
    Result<> add(const nlohmann::json &arguments, UniqueFd connection);
    // All of that move; those of another one are of no use any more.
    std::vector<DriveCopy> take(const std::string &token);

  private:
    sd_event *event_;
    std::string token_;
    std::vector<DriveCopy> copies_;
    EventSourcePtr forgets_;
};

class StorageCopy {
  public:
    struct Callbacks {
        std::function<void()> progressed;
        std::function<void()> ready;                      // once
        std::function<void(const std::string &)> failed;  // once; the owner calls abort()
    };

    // `patience_usec`: how long the other host may owe an answer about a disk.
    StorageCopy(sd_event *event, QmpClient &qmp, pid_t qemu, uint64_t patience_usec)
        : event_(event), qmp_(qmp), qemu_(qemu), patience_usec_(patience_usec) {}
    StorageCopy(const StorageCopy &) = delete;
    StorageCopy &operator=(const StorageCopy &) = delete;

    // The guest goes on in this process.
    void set_process(pid_t qemu) { qemu_ = qemu; }
    // `bandwidth`: bytes a second of all drives; 0: as fast as it goes.
    void begin(std::vector<DriveCopy> copies, uint64_t bandwidth, Callbacks callbacks);
    // To be called when it is ready, and the guest stands still. What was not copied is an error.
    void finish(std::function<void(Result<>)> done);
    // Nothing is called back any more. Also of what another companion has begun.
    void abort();
    // begin() was called, and neither finish() nor abort() has ended it.
    bool is_under_way() const { return !drives_.empty(); }
    bool is_ready() const { return is_ready_; }
    // Bytes of the disks.
    uint64_t copied() const { return copied_; }
    uint64_t remaining() const { return total_ - copied_; }

  private:
    struct Drive {
        std::string name;
        std::unique_ptr<CopyBridge> bridge;
    };

    void reset();
    void clean(std::function<void()> then);
    void take_leftovers(const nlohmann::json &jobs, std::function<void()> then);
    void remove_nodes(std::function<void()> then);
    void connect();
    void add(std::size_t index);
    void mirror(std::size_t index);
    void look_later(uint64_t usec);
    void look();
    void take_jobs(const nlohmann::json &jobs);
    void lift_limit();
    void take_ends(const nlohmann::json &jobs);
    void ask(std::string_view command, nlohmann::json arguments,
             std::function<void(const QmpClient::Reply &)> next);
    void fail_soon(std::string why);
    void fail_with(const std::string &why);

    sd_event *event_;
    QmpClient &qmp_;
    pid_t qemu_;
    const uint64_t patience_usec_;
    Callbacks callbacks_;
    std::vector<DriveCopy> offered_;
    std::vector<Drive> drives_;
    uint64_t bandwidth_ = 0, copied_ = 0, total_ = 0;
    std::size_t greeted_ = 0;
    bool is_ready_ = false, is_asking_ = false;
    std::function<void(Result<>)> finished_;
    EventSourcePtr next_look_, failing_;
    unsigned generation_ = 0;  // answers to an earlier one are of no use
    unsigned looks_ = 0;       // for the end of leftovers
};

}  // namespace qemunit::helper
