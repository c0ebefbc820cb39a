// SPDX-License-Identifier: MIT
//
// Calls that arrive before this daemon knows what systemd has just read: `systemctl daemon-reload`
// has returned, and its signal is still on the way. They are held until systemd was asked, and
// then dispatched as if they came only now. A VM that runs is never made to wait. What is held is
// bounded; calls beyond are answered from what is known.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "bus/vms/vm_registry.h"
#include "common/bus_ptr.h"
#include "common/result.h"

namespace qemunit::bus {

class HeldCalls {
  public:
    // `registry` outlives it.
    static Result<std::unique_ptr<HeldCalls>> watch(sd_bus *bus, VmRegistry &registry);
    HeldCalls(const HeldCalls &) = delete;
    HeldCalls &operator=(const HeldCalls &) = delete;

  private:
    explicit HeldCalls(VmRegistry &registry) : registry_(registry) {}
    bool has_to_wait(sd_bus_message *message) const;
    bool has_room_for(const std::string &caller) const;
    void let_go(const MessagePtr &message, const std::string &caller);
    static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *);

    VmRegistry &registry_;
    std::size_t held_ = 0;
    std::map<std::string, unsigned> held_of_;        // of a caller
    std::map<sd_bus_message *, MessagePtr> let_go_;  // on their way to the objects
    SlotPtr slot_;
};

}  // namespace qemunit::bus
