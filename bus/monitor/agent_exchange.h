// SPDX-License-Identifier: MIT
//
// One command to the guest agent, in lines of text: pure. What the agent says goes to all clients
// of agent.sock, and nothing in an answer tells whose it is. So the command stands between two
// questions with numbers of our own (guest-sync), sent in one go: the agent answers in order, and
// what comes between the two answers is ours. A question before it all keeps the command
// from an agent that does not listen, and would do it an hour later.
//
// Protocol: QEMU's docs/interop/qemu-ga-ref. Trusts nothing: a guest writes it.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

namespace qemunit::bus {

class AgentExchange {
  public:
    using Answer = std::expected<nlohmann::json, std::string>;

    // `id`: no guest can guess it, and the next two are free as well.
    AgentExchange(std::string command, nlohmann::json arguments, uint64_t id);

    // What to say first.
    std::string first_words() const;
    // What the agent has said, and what to say then; "" for nothing.
    std::string take(std::string_view bytes);

    // The agent listens, and has been given the command.
    bool is_given() const { return phase_ != Phase::asking; }
    bool is_over() const { return phase_ == Phase::over; }
    // What the agent returned or why it refused; nothing so far, or nothing at all, from one
    // that shuts the guest down.
    const std::optional<Answer> &answer() const { return answer_; }

  private:
    enum class Phase { asking, given, answering, over };

    std::string take_line(std::string_view line);

    std::string command_;
    nlohmann::json arguments_;
    uint64_t id_;
    Phase phase_ = Phase::asking;
    std::string line_;
    std::optional<Answer> answer_;
};

}  // namespace qemunit::bus
