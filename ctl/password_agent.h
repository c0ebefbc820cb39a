// SPDX-License-Identifier: MIT
//
// polkit's own agent on this terminal, as systemctl(1) starts it (polkit_agent_open() in
// src/shared/spawn-polkit-agent.c of systemd): it asks for the password that a call needs.
// main() starts it before the verb runs; it never outlives this program.
#pragma once

#include <sys/types.h>

#include <utility>

#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

class PasswordAgent {
  public:
    // Whether polkit could ask a person at this terminal: polkit asks nothing of root or of the
    // user of a user's own bus, and another machine has agents of its own.
    static bool is_wanted(const Invocation &invocation);
    // Returns when the agent is ready. Without pkttyagent(1) there is no agent, and the error of
    // the call says what the call needs.
    static PasswordAgent start();

    PasswordAgent() = default;
    PasswordAgent(PasswordAgent &&other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
    PasswordAgent &operator=(PasswordAgent &&other) noexcept {
        std::swap(pid_, other.pid_);
        return *this;
    }
    PasswordAgent(const PasswordAgent &) = delete;
    PasswordAgent &operator=(const PasswordAgent &) = delete;
    ~PasswordAgent();

  private:
    pid_t pid_ = -1;
};

}  // namespace qemunit::ctl
