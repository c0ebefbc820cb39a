// SPDX-License-Identifier: MIT
#include "helper/readiness.h"

#include <fmt/format.h>

#include <utility>

namespace qemunit {

namespace {

constexpr std::size_t kLastLines = 10;
constexpr std::size_t kShownMax = 300;      // bytes of a line that is shown
constexpr std::size_t kMatchedMax = 4'096;  // bytes; a search takes their square

// Never half a character.
std::string beginning(const std::string &line) {
    if (line.size() <= kShownMax)
        return line;
    std::size_t end = kShownMax;
    while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0) == 0x80)
        --end;
    return line.substr(0, end) + "…";
}

}  // namespace

Result<std::unique_ptr<Readiness>> Readiness::create(
    Awaited awaited, std::function<void(const std::string &)> notify) {
    std::unique_ptr<Readiness> readiness(new Readiness(std::move(awaited), std::move(notify)));
    const Awaited &wanted = readiness->awaited_;
    if (wanted.thing != Awaited::Thing::console_line)
        return readiness;
    const int error =
        regcomp(&readiness->expression_, wanted.expression.c_str(), REG_EXTENDED | REG_NOSUB);
    if (error != 0) {
        char text[200];
        regerror(error, &readiness->expression_, text, sizeof text);
        return fail(EINVAL, fmt::format("--ready=serial:{}: {}", wanted.expression, text));
    }
    readiness->has_expression_ = true;
    return readiness;
}

Readiness::Readiness(Awaited awaited, std::function<void(const std::string &)> notify)
    : awaited_(std::move(awaited)),
      notify_(std::move(notify)),
      has_come_(awaited_.thing == Awaited::Thing::nothing) {}

Readiness::~Readiness() {
    if (has_expression_)
        regfree(&expression_);
}

void Readiness::take_answer_of_qemu(const std::string &version) {
    qemu_answered_ = true;
    version_ = version;
    update();
}

void Readiness::take_resumption(const std::string &version) {
    has_come_ = true;
    status_ = "Running, resumed, QEMU " + version;
    take_answer_of_qemu(version);
}

void Readiness::take_line(const std::string &line) {
    if (!wants_lines())
        return;
    last_lines_.push_back(beginning(line));
    if (last_lines_.size() > kLastLines)
        last_lines_.pop_front();
    if (has_expression_ && !has_come_ &&
        regexec(&expression_, line.substr(0, kMatchedMax).c_str(), 0, nullptr, 0) == 0) {
        has_come_ = true;
        update();
    }
}

void Readiness::take_answer_of_agent() {
    if (awaited_.thing != Awaited::Thing::agent)
        return;
    has_come_ = true;
    update();
}

void Readiness::take_status(const std::string &status) {
    status_ = status;
    notify_("STATUS=" + status_text());
}

void Readiness::give_up() {
    has_given_up_ = true;
}

void Readiness::update() {
    if (!qemu_answered_ || is_ready_ || has_given_up_)
        return;
    is_ready_ = has_come_;
    if (is_ready_)
        last_lines_.clear();
    notify_((is_ready_ ? "READY=1\nSTATUS=" : "STATUS=") + status_text());
}

std::string Readiness::status_text() const {
    if (is_ready_)
        return status_.empty() ? "Running, QEMU " + version_ : status_;
    std::string status = status_.empty() ? "Started" : status_;
    if (awaited_.thing == Awaited::Thing::nothing || status.starts_with("Ended"))
        return status;
    return status + ", waiting for " +
           (awaited_.thing == Awaited::Thing::agent
                ? "the guest agent"
                : fmt::format("a console line that matches '{}'", awaited_.expression));
}

std::vector<std::string> Readiness::explanation() const {
    if (!wants_lines() || !qemu_answered_)
        return {};
    std::string first =
        "never ready: " + (awaited_.thing == Awaited::Thing::agent
                               ? "the guest agent did not answer"
                               : fmt::format("no console line matched '{}'", awaited_.expression));
    if (last_lines_.empty())
        return {first + "; the console is empty"};
    std::vector<std::string> lines{first + "; the last lines were:"};
    for (const std::string &line : last_lines_)
        lines.push_back("| " + line);
    return lines;
}

void Readiness::explain_failure() {
    if (std::exchange(is_explained_, true))
        return;
    for (const std::string &line : explanation())
        fmt::print(stderr, "<3>qemunit-helper: {}\n", line);
}

}  // namespace qemunit
