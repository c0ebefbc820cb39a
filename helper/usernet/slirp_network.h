// SPDX-License-Identifier: MIT
//
// The network that a guest sees with Type=user: libslirp, which QEMU itself uses for its user
// network, with the addresses that it has there. For the loop of qemunit-usernet, which calls
// fill() and poll() around each of its waits. Opens ports of the host only by add_forward().
#pragma once

#include <poll.h>
#include <slirp/libslirp.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/host_forward.h"
#include "common/result.h"
#include "helper/usernet/frames.h"

namespace qemunit::helper {

struct SlirpSettings {
    bool restricted = false;
    bool host_loopback = false;
};

class SlirpNetwork {
  public:
    // `to_guest` gets the frames for the guest.
    SlirpNetwork(const SlirpSettings &settings, std::function<void(Frame)> to_guest);
    SlirpNetwork(const SlirpNetwork &) = delete;
    SlirpNetwork &operator=(const SlirpNetwork &) = delete;
    ~SlirpNetwork();

    void take_from_guest(Frame frame);

    // Adds what to wait for, and returns for how long, in ms.
    int fill(std::vector<pollfd> &fds);
    // After the wait, with the same fds.
    void poll(const std::vector<pollfd> &fds, bool has_failed);

    Result<> add_forward(const HostForward &forward);
    Result<> remove_forward(const HostForward &forward);
    // As QEMU's "info usernet" lists them, without a head.
    std::string connections() const;

  private:
    // libslirp has one kind of timer, for what it tells the guest of IPv6 now and then.
    struct Timer {
        SlirpTimerId id;
        void *userdata;
        int64_t when = -1;  // ms; -1: not set
    };

    static const SlirpCb kCallbacks;
    void run_timers();

    const SlirpSettings settings_;
    const std::function<void(Frame)> to_guest_;
    std::vector<std::unique_ptr<Timer>> timers_;
    Slirp *slirp_ = nullptr;
};

}  // namespace qemunit::helper
