// SPDX-License-Identifier: MIT
#include "helper/guest/guest_agent.h"

#include <sys/random.h>

#include <algorithm>
#include <utility>

#include "common/qmp/qmp_client.h"

namespace qemunit::helper {

namespace {

constexpr uint64_t kPeriodUsec = kSecond;
constexpr std::size_t kAnswerMax = 4 * 1024;  // bytes of a line that may be meant for us
constexpr char kDelimiter = '\xff';           // before the answer to guest-sync-delimited

}  // namespace

GuestAgent::GuestAgent(sd_event *event, SerialPort &port) : event_(event), port_(port) {
    port_.on_bytes([this](std::string_view bytes) { take_bytes(bytes); });
}

Result<> GuestAgent::probe(std::function<void()> on_alive) {
    alive_ = false;
    on_alive_ = std::move(on_alive);
    if (getrandom(&id_, sizeof id_, 0) != static_cast<ssize_t>(sizeof id_))
        return fail_errno(errno, "cannot get a random number");
    id_ >>= 12;  // an integer for everybody's JSON
    auto timer = Timer::create(event_, [this] { ask(); });
    if (!timer)
        return std::unexpected(timer.error());
    timer_ = std::move(*timer);
    timer_.start(0);
    return {};
}

void GuestAgent::ask() {
    timer_.start(kPeriodUsec);
    if (!port_.has_untaken())
        say(json_text({{"execute", "guest-sync"}, {"arguments", {{"id", id_}}}}));
}

void GuestAgent::shutdown() {
    say(json_text({{"execute", "guest-shutdown"}, {"arguments", {{"mode", "powerdown"}}}}));
}

// The newline in front ends a line that a client has left unfinished; an empty line means nothing.
void GuestAgent::say(const std::string &message) {
    port_.type("\n" + message + "\n");
}

void GuestAgent::take_bytes(std::string_view bytes) {
    if (!timer_)
        return;  // nothing was asked, or it was answered
    while (!bytes.empty()) {
        const std::size_t end = std::min(bytes.find('\n'), bytes.size());
        line_is_lost_ = line_is_lost_ || line_.size() + end > kAnswerMax;
        if (!line_is_lost_)
            line_ += bytes.substr(0, end);
        if (end == bytes.size())
            return;
        bytes.remove_prefix(end + 1);
        const std::string line = std::exchange(line_, {});
        if (!std::exchange(line_is_lost_, false))
            take_line(line);
    }
}

void GuestAgent::take_line(std::string_view line) {
    if (alive_)
        return;
    line.remove_prefix(std::min(line.find_first_not_of(kDelimiter), line.size()));
    const nlohmann::json message = parse_json(line);
    if (!message.is_object())
        return;
    const auto answer = message.find("return");
    if (answer == message.end() || !answer->is_number_unsigned() || answer->get<uint64_t>() != id_)
        return;
    alive_ = true;
    timer_.reset();
    if (on_alive_)
        on_alive_();
}

}  // namespace qemunit::helper
