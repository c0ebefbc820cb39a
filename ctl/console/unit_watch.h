// SPDX-License-Identifier: MIT
//
// Watches a VM's unit by systemd's signals, and tells one run of the VM from the next: for a
// console that waits until its VM is back. Never connects to the VM's sockets, which might boot it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/bus_ptr.h"
#include "common/result.h"

namespace qemunit::ctl {

class UnitWatch {
  public:
    // `bus`: attached to an event loop. `changed`: the unit is in another state.
    static Result<std::unique_ptr<UnitWatch>> open(sd_bus *bus, const std::string &vm,
                                                   std::function<void()> changed);

    // The unit's InvocationID=; "" while the unit neither starts nor runs.
    std::string current_invocation() const;

  private:
    UnitWatch(sd_bus *bus, std::string vm, std::function<void()> changed)
        : bus_(bus), vm_(std::move(vm)), changed_(std::move(changed)) {}
    Result<> match(const std::string &rule);
    Result<> subscribe();

    sd_bus *bus_;
    std::string vm_;
    std::function<void()> changed_;
    std::vector<SlotPtr> matches_;
};

}  // namespace qemunit::ctl
