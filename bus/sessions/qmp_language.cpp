// SPDX-License-Identifier: MIT
#include "bus/sessions/qmp_language.h"

#include <fmt/format.h>

#include <utility>

namespace qemunit::bus {

using nlohmann::json;

namespace {

constexpr char kNegotiate[] = "qmp_capabilities";

std::string line(const json &message) {
    return json_text(message) + "\r\n";
}

// `id` is "discarded" if the command has none, since null is an id.
std::string reply_text(json reply, const json &id) {
    if (!id.is_discarded())
        reply["id"] = id;
    return line(reply);
}

std::string error_text(const json &id, std::string_view text,
                       std::string_view error_class = "GenericError") {
    return reply_text({{"error", {{"class", error_class}, {"desc", text}}}}, id);
}

std::string answer_to_command(const json &id, const std::string &command,
                              const QmpClient::Reply &reply) {
    if (reply)
        return reply_text({{"return", *reply}}, id);
    const QmpError &error = reply.error();
    switch (error.kind) {
        case QmpError::Kind::monitor:
            return error_text(id, error.message, error.error_class);
        case QmpError::Kind::timeout:
            return error_text(
                id,
                fmt::format("qemunitd: QEMU did not answer '{}' in time; it may still do as told",
                            command));
        case QmpError::Kind::disconnected:
            break;
    }
    return {};  // the session ends
}

// What is wrong with a message, as qmp_dispatch_check_obj() says it; "" if nothing is.
std::string fault_of(const json &message) {
    for (const auto &[key, value] : message.items()) {
        if (key == "execute" && !value.is_string())
            return "QMP input member 'execute' must be a string";
        if (key == "arguments" && !value.is_object())
            return "QMP input member 'arguments' must be an object";
        if (key != "execute" && key != "arguments" && key != "id")
            return fmt::format("QMP input member '{}' is unexpected", key);
    }
    return message.contains("execute") ? "" : "QMP input lacks member 'execute'";
}

}  // namespace

// Without "oob": nothing that a client says here can overtake anything.
std::string QmpLanguage::greeting() const {
    return line({{"QMP", {{"version", version_}, {"capabilities", json::array()}}}});
}

std::optional<MonitorStep> QmpLanguage::next() {
    if (const auto text = input_.next())
        return take_message(parse_json(*text));
    if (input_.size() <= kMessageMax)
        return std::nullopt;
    return MonitorStep{
        .text = error_text(json(json::value_t::discarded),
                           fmt::format("qemunitd: a message of more than {} bytes", kMessageMax)),
        .request = {},
        .ends = true};
}

MonitorStep QmpLanguage::take_message(const json &message) {
    const json none(json::value_t::discarded);
    if (message.is_discarded())
        return {error_text(none, "JSON parse error"), {}};
    if (!message.is_object())
        return {error_text(none, "QMP input must be a JSON object"), {}};
    const json id = message.contains("id") ? message["id"] : none;
    if (const std::string fault = fault_of(message); !fault.empty())
        return {error_text(id, fault), {}};

    std::string command = string_at(message, "execute");
    json arguments = message.contains("arguments") ? message["arguments"] : json();
    if (!is_negotiated_ && command != kNegotiate)
        return {
            error_text(id, fmt::format("Expecting capabilities negotiation with '{}'", kNegotiate),
                       "CommandNotFound"),
            {}};
    if (command == kNegotiate)
        return negotiate(id, arguments);
    const bool takes_fd = command == "getfd" || command == "add-fd";
    return {"", MonitorRequest{.command = command,
                               .arguments = std::move(arguments),
                               .takes_fd = takes_fd,
                               .answer = [id, command](const QmpClient::Reply &reply) {
                                   return answer_to_command(id, command, reply);
                               }}};
}

MonitorStep QmpLanguage::negotiate(const json &id, const json &arguments) {
    if (is_negotiated_)
        return {error_text(id, "Capabilities negotiation is already complete, command ignored",
                           "CommandNotFound"),
                {}};
    for (const auto &[key, value] : arguments.items()) {
        if (key != "enable")
            return {error_text(id, fmt::format("Parameter '{}' is unexpected", key)), {}};
        if (!value.is_array())
            return {error_text(id, "Invalid parameter type for 'enable', expected: array"), {}};
        if (!value.empty())
            return {error_text(id, fmt::format("Capability {} not available",
                                               value[0].is_string() ? value[0].get<std::string>()
                                                                    : json_text(value[0]))),
                    {}};
    }
    is_negotiated_ = true;
    return {reply_text({{"return", json::object()}}, id), {}};
}

std::string QmpLanguage::event_text(const QmpEvent &event) const {
    if (!is_negotiated_)
        return {};
    json message = {
        {"event", event.name},
        {"timestamp",
         {{"seconds", event.usec / 1'000'000}, {"microseconds", event.usec % 1'000'000}}}};
    if (!event.data.empty())
        message["data"] = event.data;
    return line(message);
}

}  // namespace qemunit::bus
