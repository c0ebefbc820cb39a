// SPDX-License-Identifier: MIT
//
// Holds calls that arrive before this daemon knows what systemd has just read: `systemctl
// daemon-reload` has returned, and systemd's signal is still on the way. The calls wait until
// systemd was asked, and are dispatched then. Calls to a VM that runs never wait. The number of
// calls that wait is bounded; calls beyond are answered from what is known.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "bus/vms/vm_registry.h"
#include "common/bus_ptr.h"
#include "common/result.h"

namespace qemunit::bus {

class ReloadBarrier {
  public:
    // `registry` outlives it.
    static Result<std::unique_ptr<ReloadBarrier>> watch(sd_bus *bus, VmRegistry &registry);
    ReloadBarrier(const ReloadBarrier &) = delete;
    ReloadBarrier &operator=(const ReloadBarrier &) = delete;

  private:
    explicit ReloadBarrier(VmRegistry &registry) : registry_(registry) {}
    bool has_to_wait(sd_bus_message *message) const;
    bool has_room_for(const std::string &caller) const;
    void release(const MessagePtr &message, const std::string &caller);
    static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *);

    VmRegistry &registry_;
    std::size_t held_ = 0;
    std::map<std::string, unsigned> held_of_;          // by caller
    std::map<sd_bus_message *, MessagePtr> released_;  // on their way to the objects
    SlotPtr slot_;
};

}  // namespace qemunit::bus
