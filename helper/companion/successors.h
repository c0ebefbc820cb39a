// SPDX-License-Identifier: MIT
//
// The supervisor's part when a guest goes on in another QEMU: it has what QEMU was started with,
// runs qemunit-helper with that once more, and has the new ends for companions to come. What a
// companion may ask for is in successor_requests.h; it is checked here, since a guest might have
// taken the companion over. Waits for nothing.
#pragma once

#include <csignal>
#include <string>
#include <vector>

#include "common/result.h"
#include "helper/companion/companion_setup.h"
#include "helper/handover/companion_command.h"
#include "helper/handover/successor_requests.h"
#include "helper/handover/supervision.h"

namespace qemunit::helper {

class Successors {
  public:
    // Takes what is kept out of the command; nothing if no QEMU can follow on this one.
    Successors(const std::string &companion, CompanionCommand &command);

    bool are_possible() const { return !kept_.empty() && ours_; }
    // In the supervisor, after request_signal().
    void serve(Handover &handover);
    // In a companion that was just forked: what is the supervisor's alone is closed, and `setup` is
    // that of the QEMU that has the guest.
    void enter(CompanionSetup &setup, const Handover &handover);

  private:
    void start(SuccessorRequest request, Handover &handover);
    void adopt(SuccessorRequest request, Handover &handover);

    const std::string program_;
    const std::vector<std::string> words_;
    sigset_t mask_{};  // before the supervisor has changed it
    CompanionFds kept_;
    UniqueFd ours_, theirs_;
    SuccessorEnds current_, next_;  // of QEMU; none: as the setup has it
};

}  // namespace qemunit::helper
