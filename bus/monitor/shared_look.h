// SPDX-License-Identifier: MIT
//
// A question that many may ask at once, where it is put only once at a time: to a companion, which
// has room for a few connections. Whoever asks while an answer is on its way gets the next one, as
// this one may be of before. Owned by a Vm.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "bus/monitor/vm_monitor.h"

namespace qemunit::bus {

class SharedLook : public std::enable_shared_from_this<SharedLook> {
  public:
    using Answered = VmMonitor::ReplyCallback;
    // Puts the question, and sees to one answer.
    using Look = std::function<void(Answered)>;

    void join(Look look, Answered answered);

  private:
    struct Waiting {
        Look look;
        Answered answered;
    };
    void begin();

    std::vector<Waiting> waiting_;
    bool is_under_way_ = false;
};

}  // namespace qemunit::bus
