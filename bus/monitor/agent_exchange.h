// SPDX-License-Identifier: MIT
//
// One command to the guest agent, in lines of text: pure. The agent's answers go to all clients of
// agent.sock, and nothing in an answer tells whose it is. So the command stands between two
// questions with numbers of our own (guest-sync), sent in one go: the agent answers in order, and
// the answer between those to the two questions is ours. Another question comes first: an agent
// that does not listen never gets the command, which it would execute an hour later.
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

    // `id`: a number that no guest can guess; the next two numbers are used as well.
    AgentExchange(std::string command, nlohmann::json arguments, uint64_t id);

    // What to say first.
    std::string first_words() const;
    // Takes what the agent has said; returns what to say then, or "".
    std::string take(std::string_view bytes);

    // The agent listens, and has been given the command.
    bool is_given() const { return phase_ != Phase::asking; }
    bool is_over() const { return phase_ == Phase::over; }
    // What the agent returned, or why the agent refused. Nothing until then; an agent that shuts
    // the guest down never answers.
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
