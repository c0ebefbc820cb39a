// SPDX-License-Identifier: MIT
#include "ctl/run/session.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>

#include "common/event_ptr.h"
#include "common/fd_watch.h"
#include "common/run/protocol.h"
#include "common/signals.h"
#include "common/timer.h"
#include "common/whole_number.h"
#include "ctl/console/escape.h"
#include "ctl/console/raw_terminal.h"
#include "ctl/run/streams.h"
#include "ctl/run/terminal_size.h"

namespace qemunit::ctl {

namespace {

using Kind = Ending::Kind;

constexpr std::size_t kPiece = 1 << 16;
constexpr std::size_t kLineMost = 1024;
// For a VM that was told to end, and its unit. A manager that has much to do takes long.
constexpr uint64_t kEndTimeout = 60 * kSecond;
constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};

class Session {
  public:
    Session(RunEnds ends, const RunLimits &limits) : ends_(std::move(ends)), limits_(limits) {}

    Result<> start() {
        sd_event *event = nullptr;
        if (int r = sd_event_new(&event); r < 0)
            return fail_errno(r, "cannot create an event loop");
        event_.reset(event);
        for (const int number : kSignals)
            if (auto watched =
                    watch_signals(event, {number}, [this, number] { on_signal(number); });
                !watched)
                return watched;
        if (limits_.has_terminal)
            if (auto watched = watch_signals(event, {SIGWINCH}, [this] { tell_size(); }); !watched)
                return watched;
        const auto moved = [this] {
            look();
        };
        for (auto &&started :
             {output_.start(event, std::move(ends_.output), STDOUT_FILENO, moved),
              errors_.start(event, std::move(ends_.errors), STDERR_FILENO, moved),
              events_.start(event, std::move(ends_.events), limits_.events, moved),
              console_.start(event, std::move(ends_.console), limits_.shows_console, moved),
              log_.start(event, std::move(ends_.log), false, moved), watch_control(),
              watch_input()})
            if (!started)
                return started;
        auto end = Timer::create(event, [this] { sd_event_exit(event_.get(), 0); });
        if (!end)
            return std::unexpected(end.error());
        end_ = std::move(*end);
        if (limits_.timeout_usec == 0)
            return {};
        auto timer = Timer::create(event, [this] { finish(Kind::timed_out, 0, limits_.timeout); });
        if (!timer)
            return std::unexpected(timer.error());
        timer_ = std::move(*timer);
        timer_.start(limits_.timeout_usec);
        return {};
    }

    Result<Ending> run() {
        if (int r = sd_event_loop(event_.get()); r < 0)
            return fail_errno(r, "cannot wait for the guest");
        if (!log_.has_ended())
            return fail(ETIMEDOUT, "the VM was told to end, and its unit has not ended");
        ending_.console = console_.text();
        ending_.log = log_.text();
        return std::move(ending_);
    }

  private:
    sd_event *event() { return event_.get(); }

    Result<> watch_control() {
        auto watch = FdWatch::create(event(), ends_.control.get(), EPOLLIN, "the guest",
                                     [this](uint32_t) { read_control(); });
        if (!watch)
            return std::unexpected(watch.error());
        control_ = std::move(*watch);
        return {};
    }

    Result<> watch_input() {
        auto to_guest = FdWatch::create(event(), ends_.input.get(), 0, "the guest",
                                        [this](uint32_t) { write_input(); });
        if (!to_guest)
            return std::unexpected(to_guest.error());
        to_guest_ = std::move(*to_guest);
        to_guest_.set_enabled(false);
        auto input = FdWatch::of_any_file(event(), STDIN_FILENO, "standard input",
                                          [this](uint32_t) { read_input(); });
        if (!input) {
            end_input();  // it is closed
            return {};
        }
        // Nothing is taken from others for a VM that does not start.
        input_ = std::move(*input);
        input_.set_enabled(false);
        return {};
    }

    void read_input() {
        typed_.resize(kPiece);
        const ssize_t n = read(STDIN_FILENO, typed_.data(), typed_.size());
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            typed_.clear();
            return;
        }
        typed_.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
        if (typed_.empty()) {
            input_.set_enabled(false);
            end_input();
            return;
        }
        if (raw_) {
            const auto typed = escape_.feed(typed_, monotonic_now(event()));
            typed_.resize(typed.text.size());
            if (typed.leaves)
                return finish(Kind::interrupted, SIGINT, "");
        }
        typed_sent_ = 0;
        input_.set_enabled(false);
        to_guest_.set_events(EPOLLOUT);
        to_guest_.set_enabled(true);
    }

    void write_input() {
        const ssize_t n = send(ends_.input.get(), typed_.data() + typed_sent_,
                               typed_.size() - typed_sent_, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n < 0) {  // nobody reads any more
            to_guest_.set_enabled(false);
            return;
        }
        typed_sent_ += static_cast<std::size_t>(n);
        input_total_ += static_cast<uint64_t>(n);
        if (typed_sent_ < typed_.size())
            return;
        to_guest_.set_enabled(false);
        input_.set_enabled(true);
    }

    void end_input() { say(fmt::format("{} {}\n", run::kInputEnds, input_total_)); }

    // The guest's kernel keeps them until its init reads.
    void say(const std::string &line) {
        if (ends_.control)
            (void)send(ends_.control.get(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }

    void tell_size() { say(fmt::format("{} {}\n", run::kWindow, size_of_terminal())); }

    void on_signal(int number) {
        if (is_finished_)
            return;
        if (!ending_.began || std::exchange(was_interrupted_, true))
            finish(Kind::interrupted, number, "");
        else
            say(fmt::format("{} {}\n", run::kSignal, number));
    }

    void read_control() {
        std::array<char, kLineMost> buffer;
        const ssize_t n = recv(ends_.control.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            control_.set_enabled(false);
            hung_up_ = true;
            look();
            return;
        }
        for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(n))) {
            if (c != '\n' && line_.size() < kLineMost) {
                line_ += c;
                continue;
            }
            take_line(std::exchange(line_, {}));
        }
        look();
    }

    void take_line(std::string_view line) {
        const std::size_t space = std::min(line.find(' '), line.size());
        const std::string_view word = line.substr(0, space);
        const std::string_view rest = line.substr(std::min(space + 1, line.size()));
        if (word == run::kBegan)
            begin();
        else if (word == run::kFailed)
            finish(Kind::failed, 0, std::string(rest));
        else if (word == run::kExited || word == run::kKilled)
            take_verdict(word == run::kExited ? Kind::exited : Kind::killed, rest);
    }

    void begin() {
        if (std::exchange(ending_.began, true) || is_finished_)
            return;
        // From here on, Ctrl-C is for the guest; before, it ends the VM.
        if (limits_.has_terminal) {
            if (auto raw = RawTerminal::enter(STDIN_FILENO))
                raw_.emplace(std::move(*raw));
            tell_size();  // it may be another one than at first
        }
        input_.set_enabled(true);
    }

    void take_verdict(Kind kind, std::string_view text) {
        std::array<uint64_t, 4> numbers{};
        for (uint64_t &number : numbers) {
            const std::size_t end = std::min(text.find(' '), text.size());
            const auto value = whole_number<uint64_t>(text.substr(0, end));
            if (!value)
                return;
            number = *value;
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        const uint64_t most = kind == Kind::exited ? 255 : 127;
        if (numbers[0] <= most && !verdict_)
            verdict_ =
                Verdict{kind, static_cast<int>(numbers[0]), numbers[1], numbers[2], numbers[3]};
    }

    // Whether what is awaited has come.
    void look() {
        if (!is_finished_ && output_.is_broken()) {
            // A disk that is full is no reader who has had enough.
            if (output_.error() == EPIPE)
                finish(Kind::interrupted, SIGPIPE, "");
            else
                finish(Kind::unheard, 0, std::strerror(output_.error()));
        } else if (!is_finished_ && verdict_ && output_.delivered() >= verdict_->output &&
                   errors_.delivered() >= verdict_->errors &&
                   events_.delivered() >= verdict_->events) {
            finish(verdict_->kind, verdict_->number, "");
        } else if (!is_finished_ && hung_up_ && console_.has_ended() && output_.has_ended() &&
                   errors_.has_ended() && events_.has_ended()) {
            finish(Kind::hung_up, 0, "");
        }
        if (log_.has_ended() && (is_finished_ || hung_up_))
            sd_event_exit(event(), 0);
    }

    // The companion ends QEMU when this end is closed, and systemd the rest.
    void finish(Kind kind, int number, std::string text) {
        if (std::exchange(is_finished_, true))
            return;
        ending_.kind = kind;
        ending_.number = number;
        ending_.text = std::move(text);
        input_.set_enabled(false);
        to_guest_.set_enabled(false);
        timer_.reset();
        raw_.reset();
        // Sent before the guest began, so that no end of the guest's comes before it.
        char byte = 0;
        ending_.helper_ran = recv(ends_.caller.get(), &byte, 1, MSG_DONTWAIT) == 1;
        ends_.caller.reset();
        end_.start(kEndTimeout);
    }

    struct Verdict {
        Kind kind;
        int number;
        uint64_t output, errors, events;  // bytes
    };

    RunEnds ends_;
    const RunLimits &limits_;
    EventPtr event_;
    Sink output_, errors_, events_;
    Tail console_, log_;
    FdWatch control_, input_, to_guest_;
    Timer timer_, end_;
    std::string line_;
    std::optional<RawTerminal> raw_;
    EscapeSequence escape_;
    std::string typed_;
    std::size_t typed_sent_ = 0;
    uint64_t input_total_ = 0;
    std::optional<Verdict> verdict_;
    Ending ending_;
    bool is_finished_ = false, hung_up_ = false, was_interrupted_ = false;
};

}  // namespace

Result<> hold_signals() {
    std::signal(SIGPIPE, SIG_IGN);
    sigset_t signals;
    sigemptyset(&signals);
    for (const int number : kSignals)
        sigaddset(&signals, number);
    if (sigprocmask(SIG_BLOCK, &signals, nullptr) != 0)
        return fail_errno(errno, "cannot hold signals");
    return {};
}

Result<Ending> run_session(RunEnds ends, const RunLimits &limits) {
    Session session(std::move(ends), limits);
    if (auto started = session.start(); !started)
        return std::unexpected(started.error());
    return session.run();
}

}  // namespace qemunit::ctl
