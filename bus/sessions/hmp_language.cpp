// SPDX-License-Identifier: MIT
#include "bus/sessions/hmp_language.h"

#include <fmt/format.h>

#include "common/qmp/hmp_text.h"

namespace qemunit::bus {

namespace {

constexpr std::string_view kPrompt = "(qemu) ";

std::string complaint(std::string_view why) {
    return fmt::format("qemunitd: {}\r\n{}", why, kPrompt);
}

std::string answer_to_line(const std::string &line, const QmpClient::Reply &reply) {
    if (reply) {
        const auto *output = reply->get_ptr<const std::string *>();
        return (output ? *output : "") + std::string(kPrompt);
    }
    switch (reply.error().kind) {
        case QmpError::Kind::monitor:
            return fmt::format("Error: {}\r\n{}", reply.error().message, kPrompt);
        case QmpError::Kind::timeout:
            return complaint(
                fmt::format("QEMU did not answer '{}' in time; it may still do as told", line));
        case QmpError::Kind::disconnected:
            break;
    }
    return {};  // the session ends
}

}  // namespace

// As monitor_event() of QEMU's monitor/hmp.c says it.
std::string HmpLanguage::greeting() const {
    return fmt::format("QEMU {} monitor - type 'help' for more information\r\n{}", qemu_version_,
                       kPrompt);
}

void HmpLanguage::take(std::string_view bytes) {
    input_ += bytes;
}

std::optional<std::string> HmpLanguage::take_line() {
    if (after_cr_ && !input_.empty()) {
        after_cr_ = false;
        if (input_.front() == '\n')
            input_.erase(0, 1);
    }
    const std::size_t end = input_.find_first_of("\r\n");
    if (end == input_.npos)
        return std::nullopt;
    std::string line = input_.substr(0, end);
    after_cr_ = input_[end] == '\r';
    input_.erase(0, end + 1);
    return line;
}

std::optional<MonitorStep> HmpLanguage::next() {
    const auto line = take_line();
    if (!line && input_.size() > kLineMax) {
        input_.clear();
        too_long_ = true;
    }
    if (!line)
        return std::nullopt;
    if (std::exchange(too_long_, false) || line->size() > kLineMax)
        return MonitorStep{
            complaint(fmt::format("a command of more than {} bytes, which is not run", kLineMax)),
            {}};
    if (line->find_first_not_of(" \t") == line->npos)
        return MonitorStep{std::string(kPrompt), {}};
    if (!is_hmp_text(*line))
        return MonitorStep{complaint("a command that is not text in UTF-8, which is not run"), {}};
    return MonitorStep{"", MonitorRequest{.command = "human-monitor-command",
                                          .arguments = {{"command-line", *line}},
                                          .takes_fd = false,
                                          .answer = [line = *line](const QmpClient::Reply &reply) {
                                              return answer_to_line(line, reply);
                                          }}};
}

}  // namespace qemunit::bus
