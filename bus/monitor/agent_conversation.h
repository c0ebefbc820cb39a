// SPDX-License-Identifier: MIT
//
// One command to the guest agent over agent.sock, which the companion serves: the companion and
// other clients use the agent at the same time. For AgentExecute, and for backups. Ends at its
// deadline, at the latest. Connecting may boot a VM: only for one whose QEMU answers.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "bus/monitor/agent_exchange.h"
#include "common/event_ptr.h"
#include "common/result.h"

namespace qemunit::bus {

struct AgentEnd {
    enum class How { over, hung_up, timed_out };
    How how = How::over;
    bool is_given = false;                        // the agent listens, and has the command
    std::optional<AgentExchange::Answer> answer;  // see AgentExchange::answer()
};

// `done` is called once, unless this returns an error. `deadline`: CLOCK_MONOTONIC, µs.
Result<> ask_agent(sd_event *event, const std::string &socket, std::string command,
                   nlohmann::json arguments, uint64_t deadline,
                   std::function<void(const AgentEnd &)> done);

// Of an answer to query-chardev: whether something in the guest has the agent's port open.
// Otherwise no agent would answer.
bool is_agent_open(const nlohmann::json &chardevs);

}  // namespace qemunit::bus
