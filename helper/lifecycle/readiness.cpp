// SPDX-License-Identifier: MIT
#include "helper/lifecycle/readiness.h"

#include <fmt/format.h>

#include <utility>

#include "common/console/shortened.h"

namespace qemunit::helper {

namespace {

// `systemctl status` shows ten lines: these, the one above them, and three of systemd's, of which
// one is about CPU time and comes only where control groups of version 2 count it.
constexpr std::size_t kLastLines = 6;
constexpr std::size_t kShownMax = 300;      // bytes of a line that is shown
constexpr std::size_t kMatchedMax = 4'096;  // bytes; the time of a search grows with their square

}  // namespace

Result<std::unique_ptr<Readiness>> Readiness::create(
    Awaited awaited, std::function<void(const std::string &)> notify) {
    std::unique_ptr<Readiness> readiness(new Readiness(std::move(awaited), std::move(notify)));
    const Awaited &wanted = readiness->awaited_;
    if (wanted.thing != Awaited::Thing::console_line)
        return readiness;
    auto expression = RegularExpression::compile(wanted.expression);
    if (!expression)
        return fail(EINVAL, fmt::format("--ready=serial:{}: {}", wanted.expression,
                                        expression.error().message));
    readiness->expression_ = std::move(*expression);
    return readiness;
}

Readiness::Readiness(Awaited awaited, std::function<void(const std::string &)> notify)
    : awaited_(std::move(awaited)),
      notify_(std::move(notify)),
      has_come_(awaited_.thing == Awaited::Thing::nothing) {}

void Readiness::take_answer_of_qemu(const std::string &version) {
    qemu_answered_ = true;
    version_ = version;
    update();
}

void Readiness::take_resumption(const std::string &version, const std::string &how) {
    has_come_ = true;
    status_ = fmt::format("Running, {}, QEMU {}", how, version);
    take_answer_of_qemu(version);
}

void Readiness::take_line(const std::string &line) {
    if (!wants_lines())
        return;
    if (line.find_first_not_of(' ') != std::string::npos)
        last_lines_.push_back(shortened(line, kShownMax));
    if (last_lines_.size() > kLastLines)
        last_lines_.pop_front();
    if (expression_ && !has_come_ &&
        expression_->matches(std::string_view(line).substr(0, kMatchedMax))) {
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

void Readiness::take_status_of_guest(const std::string &status) {
    guest_has_spoken_ = true;
    guest_status_ = status;
    if (qemu_answered_)
        notify_("STATUS=" + status_text());
}

void Readiness::take_ready_of_guest() {
    guest_has_spoken_ = true;
    if (awaited_.thing != Awaited::Thing::notify)
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
    const std::string status = status_of_vm();
    return guest_status_.empty() || status.starts_with("Ended")
               ? status
               : fmt::format("{}; guest: {}", status, guest_status_);
}

std::string Readiness::status_of_vm() const {
    if (is_ready_)
        return status_.empty() ? "Running, QEMU " + version_ : status_;
    std::string status = status_.empty() ? "Started" : status_;
    if (awaited_.thing == Awaited::Thing::nothing || status.starts_with("Ended"))
        return status;
    return status + ", waiting for " + awaited_text();
}

std::string Readiness::awaited_text() const {
    switch (awaited_.thing) {
        case Awaited::Thing::agent:
            return "the guest agent";
        case Awaited::Thing::notify:
            return "the guest's READY=1";
        case Awaited::Thing::console_line:
            return fmt::format("a console line that matches '{}'", awaited_.expression);
        case Awaited::Thing::nothing:
            break;
    }
    return {};
}

std::string Readiness::failure_text() const {
    switch (awaited_.thing) {
        case Awaited::Thing::agent:
            return "the guest agent did not answer";
        case Awaited::Thing::notify:
            return guest_has_spoken_ ? "the guest did not say READY=1"
                                     : "the guest said nothing by vsock, for which it needs "
                                       "systemd 254 and a virtio-vsock driver";
        case Awaited::Thing::console_line:
            return fmt::format("no console line matched '{}'", awaited_.expression);
        case Awaited::Thing::nothing:
            break;
    }
    return {};
}

std::vector<std::string> Readiness::explanation() const {
    if (!wants_lines() || !qemu_answered_)
        return {};
    std::string first = "never ready: " + failure_text();
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

}  // namespace qemunit::helper
