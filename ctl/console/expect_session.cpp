// SPDX-License-Identifier: MIT
#include "ctl/console/expect_session.h"

#include <fmt/format.h>

#include <utility>

#include "common/console/history_mark.h"
#include "ctl/console/console.h"

namespace qemunit::ctl {

namespace {

constexpr std::size_t kPieceSize = 64 * 1024;  // bytes; a history is shorter
// How long a line that matches may go on before it counts as it stands.
constexpr uint64_t kSettleUsec = 100 * kMillisecond;

}  // namespace

Result<std::unique_ptr<ExpectSession>> ExpectSession::open(Expectation expectation, sd_bus *bus) {
    std::unique_ptr<ExpectSession> session(new ExpectSession(std::move(expectation)));
    if (auto prepared = session->prepare(bus); !prepared)
        return std::unexpected(prepared.error());
    if (auto connected = session->connect(); !connected && !(bus && has_nobody(connected.error())))
        return std::unexpected(connected.error());
    return session;
}

ExpectSession::ExpectSession(Expectation expectation)
    : expectation_(std::move(expectation)),
      line_(std::move(expectation_.wanted), std::move(expectation_.unwanted)) {}

Result<> ExpectSession::prepare(sd_bus *bus) {
    sd_event *event = nullptr;
    if (int r = sd_event_new(&event); r < 0)
        return fail_errno(r, "cannot create an event loop");
    event_.reset(event);
    auto timeout = Timer::create(
        event, [this] { time_out(); }, 10 * kMillisecond);
    if (!timeout)
        return std::unexpected(timeout.error());
    timeout_ = std::move(*timeout);
    timeout_.start(expectation_.seconds * kSecond);
    auto settling = Timer::create(
        event,
        [this] {
            settles_ = false;
            line_.take_partial();
            look_at_line();
        },
        10 * kMillisecond);
    if (!settling)
        return std::unexpected(settling.error());
    settling_ = std::move(*settling);
    if (!bus)
        return {};
    bus_ = bus;
    if (int r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL); r < 0)
        return fail_errno(r, "cannot attach D-Bus to the event loop");
    auto unit = UnitWatch::open(bus, expectation_.target.vm, [this] { look_for_run(); });
    if (!unit)
        return std::unexpected(unit.error());
    unit_ = std::move(*unit);
    return {};
}

Result<> ExpectSession::connect() {
    auto guest = PortConnection::open(event_.get(), expectation_.target,
                                      {.readable = [this] { read_guest(); },
                                       .written =
                                           [] {
                                           }});
    if (!guest)
        return std::unexpected(guest.error());
    guest_.emplace(std::move(*guest));
    guest_->write(expectation_.typed);
    return {};
}

// If nobody listens yet, the next change of the unit's state comes here again.
void ExpectSession::look_for_run() {
    if (guest_ || failure_ || unit_->current_invocation().empty())
        return;
    if (auto connected = connect(); !connected && !has_nobody(connected.error()))
        finish(connected.error());
}

Result<std::string> ExpectSession::run() {
    if (!guest_)
        look_for_run();
    const int r = sd_event_loop(event_.get());
    if (bus_)
        sd_bus_detach_event(bus_);
    if (r < 0)
        return fail_errno(r, "the event loop failed");
    if (failure_)
        return std::unexpected(*failure_);
    return line_.line();
}

void ExpectSession::read_guest() {
    char buffer[kPieceSize];
    const auto [size, is_history] = receive_from_console(guest_->fd(), buffer, sizeof buffer);
    if (size < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (size <= 0)
        return hang_up();
    has_said_ = true;
    const std::string_view bytes(buffer, static_cast<std::size_t>(size));
    // While the companion has not taken all that we typed, nothing that it sent is an answer.
    if (expectation_.only_new && (is_history || guest_->has_untaken()))
        line_.pass_over(bytes);
    else
        line_.feed(bytes);
    look_at_line();
}

void ExpectSession::look_at_line() {
    switch (line_.verdict()) {
        case AwaitedLine::Verdict::open:
            if (!settles_ && line_.partial_matches()) {
                settles_ = true;
                settling_.start(kSettleUsec);
            }
            return;
        case AwaitedLine::Verdict::wanted:
            return finish({});
        case AwaitedLine::Verdict::unwanted:
            return finish(Error{EBADMSG, "the line came that --fail= names: " + line_.line()});
    }
}

void ExpectSession::hang_up() {
    guest_->stop_reading();
    line_.end();
    look_at_line();
    if (line_.verdict() != AwaitedLine::Verdict::open)
        return;
    const auto &[vm, port, path] = expectation_.target;
    finish(has_said_
               ? Error{EPIPE, fmt::format("{} has ended, and no line of it matched '{}'{}", port,
                                          expectation_.text, last_words())}
               : Error{EPIPE,
                       "hung up before the guest said anything; see: systemctl status qemu@" + vm});
}

void ExpectSession::time_out() {
    const auto &[vm, port, path] = expectation_.target;
    finish(Error{ETIMEDOUT, guest_
                                ? fmt::format("no line of {} matched '{}' within {}s{}", port,
                                              expectation_.text, expectation_.seconds, last_words())
                                : fmt::format("has not started within {}s; see: systemctl "
                                              "status qemu@{}",
                                              expectation_.seconds, vm)});
}

std::string ExpectSession::last_words() const {
    const auto lines = line_.last_lines();
    std::string text = lines.empty() ? "; the guest has said nothing" : "; the last lines were:";
    for (const std::string &line : lines)
        text += "\n| " + line;
    return text;
}

void ExpectSession::finish(std::optional<Error> failure) {
    failure_ = std::move(failure);
    sd_event_exit(event_.get(), 0);
}

}  // namespace qemunit::ctl
