// SPDX-License-Identifier: MIT
//
// Between QEMU's client of NBD and a connection that this process has: QEMU connects to a socket by
// its address alone (nbd_co_establish_connection() runs in a thread that has no monitor, whose
// named descriptors it cannot use). The socket is in the network namespace of the unit, has a name
// that nobody else can take, and takes one connection of QEMU's. Part of the companion. Knows
// nothing of what goes through but that each request has an answer.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/event_ptr.h"
#include "common/fd_watch.h"
#include "common/result.h"
#include "common/timer.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

class CopyBridge {
  public:
    struct Callbacks {
        std::function<void()> greeted;  // once: the other side has said something; QEMU may connect
        // Once; nothing goes through any more.
        std::function<void(const std::string &why)> closed;
    };

    // `remote`: a stream socket. `patience_usec`: how long the other side may owe an answer.
    static Result<std::unique_ptr<CopyBridge>> create(sd_event *event, UniqueFd remote, pid_t qemu,
                                                      uint64_t patience_usec, Callbacks callbacks);
    CopyBridge(const CopyBridge &) = delete;
    CopyBridge &operator=(const CopyBridge &) = delete;
    // Ends both connections.
    ~CopyBridge();

    // From the next answer on that the other side owes.
    void set_patience(uint64_t usec) { patience_usec_ = usec; }
    // Of an abstract socket (unix(7)), without its first byte.
    const std::string &address() const { return address_; }

  private:
    struct Direction {
        std::vector<char> bytes;
        std::size_t begin = 0, end = 0;
        bool is_empty() const { return begin == end; }
    };

    CopyBridge(sd_event *event, UniqueFd remote, pid_t qemu, uint64_t patience_usec,
               Callbacks callbacks)
        : event_(event),
          remote_(std::move(remote)),
          qemu_(qemu),
          patience_usec_(patience_usec),
          callbacks_(std::move(callbacks)) {}
    Result<> listen();
    void take_connection();
    void serve(uint32_t revents);
    bool move(int from, int to, Direction &direction);
    void watch();
    void owe();
    void close(const std::string &why);

    sd_event *event_;
    UniqueFd remote_, listener_, local_;
    const pid_t qemu_;
    uint64_t patience_usec_;
    Callbacks callbacks_;
    std::string address_;
    Direction to_remote_, to_local_;
    FdWatch remote_watch_, listener_watch_, local_watch_;
    Timer owed_;
    bool is_owed_ = false, is_closed_ = false;
};

}  // namespace qemunit::helper
