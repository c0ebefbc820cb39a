// SPDX-License-Identifier: MIT
//
// Which run of a VM it is that goes on, by systemd's signals: for a console that waits until
// its VM is back. Never connects to anything of the VM's, which might boot it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/bus_ptr.h"
#include "common/result.h"

namespace qemunit::ctl {

class RunWatch {
  public:
    // `bus`: attached to an event loop. `changed`: the unit is in another state.
    static Result<std::unique_ptr<RunWatch>> open(sd_bus *bus, const std::string &vm,
                                                  std::function<void()> changed);

    // The unit's invocation, "" while it neither starts nor runs.
    std::string current_run() const;

  private:
    RunWatch(sd_bus *bus, std::string vm, std::function<void()> changed)
        : bus_(bus), vm_(std::move(vm)), changed_(std::move(changed)) {}
    Result<> match(const std::string &rule);
    Result<> subscribe();

    sd_bus *bus_;
    std::string vm_;
    std::function<void()> changed_;
    std::vector<SlotPtr> matches_;
};

}  // namespace qemunit::ctl
