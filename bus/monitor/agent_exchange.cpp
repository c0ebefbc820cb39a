// SPDX-License-Identifier: MIT
#include "bus/monitor/agent_exchange.h"

#include <algorithm>
#include <utility>

#include "common/qmp/qmp_client.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

constexpr std::size_t kLineMax = 16u << 20;  // guest-file-read brings much
constexpr char kDelimiter = '\xff';          // before the answer to guest-sync-delimited

std::string sync_line(uint64_t id) {
    return json_text({{"execute", "guest-sync"}, {"arguments", {{"id", id}}}}) + "\n";
}

bool is_sync(const json &message, uint64_t id) {
    const auto value = message.find("return");
    return value != message.end() && value->is_number_unsigned() && value->get<uint64_t>() == id;
}

}  // namespace

AgentExchange::AgentExchange(std::string command, json arguments, uint64_t id)
    : command_(std::move(command)), arguments_(std::move(arguments)), id_(id) {}

// The newline in front ends what another client has left unfinished.
std::string AgentExchange::first_words() const {
    return "\n" + sync_line(id_);
}

std::string AgentExchange::take(std::string_view bytes) {
    std::string words;
    while (!bytes.empty() && !is_over()) {
        const std::size_t end = std::min(bytes.find('\n'), bytes.size());
        line_ += bytes.substr(0, end);
        if (line_.size() > kLineMax) {
            answer_ = std::unexpected("the agent's answer is too long");
            phase_ = Phase::over;
        }
        if (end == bytes.size())
            break;
        bytes.remove_prefix(end + 1);
        words += take_line(std::exchange(line_, {}));
    }
    return words;
}

std::string AgentExchange::take_line(std::string_view line) {
    line.remove_prefix(std::min(line.find_first_not_of(kDelimiter), line.size()));
    const json message = parse_json(line);
    if (!message.is_object())
        return {};
    if (phase_ == Phase::asking && is_sync(message, id_)) {
        phase_ = Phase::given;
        json command = {{"execute", command_}};
        if (!arguments_.is_null())
            command["arguments"] = arguments_;
        return sync_line(id_ + 1) + json_text(command) + "\n" + sync_line(id_ + 2);
    }
    if (phase_ == Phase::given && is_sync(message, id_ + 1)) {
        phase_ = Phase::answering;
    } else if (phase_ == Phase::answering && is_sync(message, id_ + 2)) {
        phase_ = Phase::over;
    } else if (phase_ == Phase::answering) {
        if (answer_)
            answer_ = std::unexpected(
                "another client spoke to the agent in between, and the "
                "answers cannot be told apart");
        else if (const auto error = message.find("error"); error != message.end())
            answer_ = std::unexpected(string_at(*error, "desc"));
        else
            answer_ = message.value("return", json());
    }
    return {};
}

}  // namespace qemunit::bus
