// SPDX-License-Identifier: MIT
#include "ctl/console/console_session.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include "common/qmp/qmp_client.h"
#include "common/signals.h"
#include "common/timer.h"
#include "ctl/console/console.h"
#include "ctl/console/socket_clients.h"
#include "ctl/output/safe_output.h"

namespace qemunit::ctl {

namespace {

constexpr std::size_t kReadSize = 16 * 1024;
constexpr std::size_t kQueueMax = 64 * 1024;  // bytes that wait in either direction
constexpr char kInterrupt = 0x03;             // Ctrl-C, in a terminal that is raw

}  // namespace

Result<std::unique_ptr<ConsoleSession>> ConsoleSession::open(const ConsoleTarget &target,
                                                             sd_bus *bus) {
    std::unique_ptr<ConsoleSession> session(new ConsoleSession(target));
    if (auto prepared = session->prepare(bus); !prepared)
        return std::unexpected(prepared.error());
    auto connected = session->connect();
    if (!connected && !(bus && has_nobody(connected.error())))
        return std::unexpected(connected.error());
    return session;
}

ConsoleSession::ConsoleSession(ConsoleTarget target)
    : target_(std::move(target)), has_terminal_(isatty(STDIN_FILENO) == 1) {}

Result<> ConsoleSession::prepare(sd_bus *bus) {
    sd_event *event = nullptr;
    if (int r = sd_event_new(&event); r < 0)
        return fail_errno(r, "cannot create an event loop");
    event_.reset(event);
    signal(SIGPIPE, SIG_IGN);
    // The loop ends by these signals, so that the terminal is given back.
    if (auto watched = watch_signals(event, {SIGTERM, SIGHUP, SIGINT, SIGQUIT},
                                     [event] { sd_event_exit(event, EXIT_FAILURE); });
        !watched)
        return watched;
    if (auto watched = watch_output(); !watched)
        return watched;
    if (!bus)
        return {};
    bus_ = bus;
    if (int r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL); r < 0)
        return fail_errno(r, "cannot attach D-Bus to the event loop");
    auto unit = UnitWatch::open(bus, target_.vm, [this] { look_for_run(); });
    if (!unit)
        return std::unexpected(unit.error());
    unit_ = std::move(*unit);
    return {};
}

Result<> ConsoleSession::watch_output() {
    auto output = OutputQueue::create(event_.get(), reopen_for_writing(STDOUT_FILENO),
                                      {.written =
                                           [this] {
                                               if (hung_up_ && output_->size() == 0)
                                                   hang_up();
                                               else
                                                   update_watches();
                                           },
                                       // The reader has enough, as in `cat | head`: no fault.
                                       .broken =
                                           [this] {
                                               leave(EXIT_SUCCESS);
                                           }});
    if (!output)
        return std::unexpected(output.error());
    output_ = std::move(*output);
    return {};
}

Result<> ConsoleSession::watch_input() {
    auto input = FdWatch::of_any_file(event_.get(), STDIN_FILENO, "standard input",
                                      [this](uint32_t) { read_input(); });
    if (!input)
        return std::unexpected(input.error());
    input_ = std::move(*input);
    return {};
}

Result<> ConsoleSession::connect() {
    auto guest = PortConnection::open(event_.get(), target_,
                                      {.readable = [this] { read_guest(); },
                                       .written =
                                           [this] {
                                               update_watches();
                                           }});
    if (!guest)
        return std::unexpected(guest.error());
    guest_.emplace(std::move(*guest));
    hung_up_ = false;
    if (unit_)
        invocation_ = unit_->current_invocation();
    greet();
    update_watches();
    return {};
}

Result<int> ConsoleSession::run() {
    if (has_terminal_) {
        auto raw = RawTerminal::enter(STDIN_FILENO);
        if (!raw)
            return std::unexpected(raw.error());
        raw_.emplace(std::move(*raw));
    }
    if (auto watched = watch_input(); !watched)
        return std::unexpected(watched.error());
    if (!guest_)
        begin_to_wait();
    update_watches();
    const int exit_code = sd_event_loop(event_.get());
    if (bus_)
        sd_bus_detach_event(bus_);
    if (raw_ && isatty(STDOUT_FILENO))
        std::fputs("\033[m\033[?25h", terminal_output());  // no colour of the guest's, and a cursor
    std::fflush(terminal_output());
    say(guest_ ? fmt::format("Disconnected from {} of {}.", target_.port, target_.vm) : "");
    raw_.reset();
    if (failure_)
        return std::unexpected(*failure_);
    if (exit_code < 0)
        return fail_errno(exit_code, "the event loop failed");
    return exit_code;
}

void ConsoleSession::read_input() {
    char buffer[kReadSize];
    const ssize_t n = read(STDIN_FILENO, buffer, sizeof buffer);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n > 0)
        return take_typed({buffer, static_cast<std::size_t>(n)});
    if (has_terminal_)  // the terminal is gone
        return leave(EXIT_FAILURE);
    // A script has said all it had to say, and may still want to read.
    input_ended_ = true;
    update_watches();
}

void ConsoleSession::take_typed(std::string_view typed) {
    if (!has_terminal_) {
        guest_->write(typed);
        return update_watches();
    }
    const auto [text, leaves] = escape_.feed(typed, monotonic_now(event_.get()));
    if (guest_)
        guest_->write(text);
    else if (text.contains(kInterrupt))
        return leave(EXIT_SUCCESS);
    if (leaves)
        leave(EXIT_SUCCESS);
    update_watches();
}

void ConsoleSession::read_guest() {
    char buffer[kReadSize];
    const ssize_t n = read(guest_->fd(), buffer, sizeof buffer);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n > 0) {
        has_said_ = true;
        output_->write({buffer, static_cast<std::size_t>(n)});
        return update_watches();
    }
    guest_->stop_reading();
    hung_up_ = true;
    if (output_->size() == 0)
        hang_up();
}

// While one side has too much to take, the other side is not read.
void ConsoleSession::update_watches() {
    if (guest_)
        guest_->set_reading(output_->size() < kQueueMax);
    const bool has_room = guest_ && guest_->waiting() < kQueueMax;
    // In a terminal, the way out is always open.
    const bool reads = !input_ended_ && (has_room || has_terminal_);
    input_.set_enabled(reads);
}

void ConsoleSession::hang_up() {
    hung_up_ = false;
    guest_.reset();
    // Our connection may have booted the VM, and the start may have failed.
    if (!unit_ && !has_said_)
        return give_up(
            {EPIPE,
             "hung up before the guest said anything; see: systemctl status qemu@" + target_.vm});
    if (!unit_) {
        say(target_.vm + " has ended.");
        return leave(EXIT_SUCCESS);
    }
    begin_to_wait();
}

void ConsoleSession::begin_to_wait() {
    say(fmt::format("{} {}; waiting until it runs{}.{}", target_.vm,
                    invocation_.empty() ? "does not run" : "has ended",
                    invocation_.empty() ? "" : " again", has_terminal_ ? " Ctrl-C leaves." : ""));
    update_watches();
    look_for_run();
}

// Connects only to a run that has begun since: to connect while the old run ends would boot the VM
// if its socket stays (Activation=socket).
void ConsoleSession::look_for_run() {
    if (guest_ && !invocation_.empty())
        return;
    std::string invocation = unit_->current_invocation();
    if (guest_) {  // the VM was off, and our connection has booted it
        invocation_ = std::move(invocation);
        return;
    }
    if (invocation.empty() || invocation == invocation_)
        return;
    // If nobody listens yet, the next change of state comes here again.
    if (auto connected = connect(); !connected && !has_nobody(connected.error()))
        give_up(connected.error());
}

void ConsoleSession::give_up(Error error) {
    failure_ = std::move(error);
    leave(EXIT_FAILURE);
}

void ConsoleSession::greet() const {
    if (!has_terminal_)
        return;
    const std::string others = clients_text(clients_of(target_.path));
    say(fmt::format("Connected to {} of {}. Press Ctrl-] three times within 1 s to leave.",
                    target_.port, target_.vm));
    if (!others.empty())
        say("Also on it, and typing into the same: " + others);
    winsize size{};
    if (ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 &&
        (size.ws_row != 24 || size.ws_col != 80))
        say(
            fmt::format("The guest does not see the size of this terminal; tell it with: stty rows "
                        "{} cols {}",
                        size.ws_row, size.ws_col));
}

// Speaks to the person, on standard error: not into what the guest prints. The terminal may be raw.
void ConsoleSession::say(const std::string &text) const {
    if (!text.empty() && isatty(STDERR_FILENO))
        fmt::print(stderr, "{}{}\r\n", raw_ ? "\r\n" : "", text);
}

}  // namespace qemunit::ctl
