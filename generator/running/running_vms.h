// SPDX-License-Identifier: MIT
//
// The VMs that run while the generator does, by the links that systemd keeps below /run for its
// running units: a generator may not ask systemd, which waits for it. Called by main.cpp.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/paths.h"
#include "generator/running/records.h"

namespace qemunit::generator {

class RunningVms {
  public:
    // `root`: prefix of the folder, "" for this system.
    static RunningVms find(const std::string &root, const Paths &paths);

    // Names, with the invocation id of each.
    const std::map<std::string, std::string, std::less<>> &all() const { return vms_; }
    bool empty() const { return vms_.empty(); }

    // The units that a running VM was started with, by the records of the last run; nothing if they
    // are not known, or if the VM was started without units of ours.
    struct Started {
        std::string_view invocation;
        std::string_view text;
    };
    std::optional<Started> started(std::string_view vm, const LastRun &last) const;

  private:
    std::map<std::string, std::string, std::less<>> vms_;
};

}  // namespace qemunit::generator
