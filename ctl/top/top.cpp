// SPDX-License-Identifier: MIT
#include "ctl/top/top.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <ctime>
#include <memory>
#include <optional>
#include <utility>

#include "common/event_ptr.h"
#include "common/fd_watch.h"
#include "common/figures/figure_source.h"
#include "common/signals.h"
#include "common/timer.h"
#include "common/whole_number.h"
#include "ctl/top/top_child.h"
#include "ctl/top/top_keys.h"
#include "ctl/top/top_rows.h"
#include "ctl/top/top_terminal.h"
#include "ctl/top/top_view.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

constexpr uint64_t kUsualPeriod = 3 * kSecond;
constexpr uint64_t kPeriodOfOnce = kSecond;
// A VM that hangs costs this once in 20 s.
constexpr uint64_t kQemuPatience = kSecond;
// Between Escape and what belongs to it.
constexpr uint64_t kEscapeTime = 50 * kMillisecond;

// Of GetAllStatistics, without what nobody sees here.
const std::vector<std::string> &keys_for_top() {
    static const std::vector<std::string> keys = {"Drives", "Networks", "Memory", "BalloonActual",
                                                  "CPUThreads"};
    return keys;
}

uint64_t usec_of(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

struct TopOptions {
    bool once = false, json = false;
    uint64_t period = 0;
    TopSort sort = TopSort::cpu;
    std::string filter;
};

Result<TopOptions> options_of(const Invocation &invocation) {
    TopOptions options;
    options.json = invocation.has("--json");
    options.once = options.json || invocation.has("--once");
    options.filter = invocation.value("--filter");
    const auto sort = parse_top_sort(invocation.value("--sort", "cpu"));
    if (!sort)
        return std::unexpected(sort.error());
    options.sort = *sort;
    options.period = options.once ? kPeriodOfOnce : kUsualPeriod;
    if (invocation.has("--interval")) {
        const auto seconds =
            whole_number<uint32_t>(invocation.value("--interval"), {.least = 1, .most = 3600});
        if (!seconds)
            return fail(EINVAL, fmt::format("'{}' is not a number of seconds from 1 to 3600",
                                            invocation.value("--interval")));
        options.period = *seconds * kSecond;
    }
    return options;
}

class Top {
  public:
    Top(TopOptions options, Invocation::Bus which) : options_(std::move(options)), which_(which) {
        view_.sort = options_.sort;
        view_.filter = options_.filter;
    }
    Result<> start(BusPtr bus);
    Result<int> run();

  private:
    Result<> watch_terminal();
    void ask();
    void take(Result<Figures> figures);
    void print_once();
    void draw();
    void read_keys();
    void take_typed(bool is_all);
    void take_key(const TopKey &key);
    void take_filter_key(const TopKey &key);
    void take_answer(const TopKey &key);
    void take_letter(char letter);
    void move(std::ptrdiff_t by);
    void sort_by(TopSort sort);
    void run_program(const std::vector<std::string> &command, bool waits_for_key);
    void leave_loop();
    void go_on();
    void pause();
    void leave() { sd_event_exit(event_.get(), 0); }
    void give_up(Error error);
    std::ptrdiff_t page() const {
        return view_.height > 5 ? static_cast<std::ptrdiff_t>(view_.height) - 5 : 1;
    }

    TopOptions options_;
    Invocation::Bus which_;
    TopView view_;
    EventPtr event_;
    BusPtr bus_;
    std::unique_ptr<FigureSource> source_;
    std::optional<Moment> before_;
    std::vector<TopRow> rows_;
    std::string asks_to_stop_;  // this VM, whichever is selected meanwhile
    std::string typed_;
    std::optional<Error> failure_;
    Timer next_, escape_;
    FdWatch input_;
    std::optional<TopTerminal> terminal_;  // the last member: given back first
};

Result<> Top::start(BusPtr bus) {
    sd_event *event = nullptr;
    if (int r = sd_event_new(&event); r < 0)
        return fail_errno(r, "cannot create the event loop");
    event_.reset(event);
    bus_ = std::move(bus);
    if (int r = sd_bus_attach_event(bus_.get(), event, SD_EVENT_PRIORITY_NORMAL); r < 0)
        return fail_errno(r, "cannot attach the bus to the event loop");
    source_ = std::make_unique<FigureSource>(event, bus_.get());
    auto next = Timer::create(event, [this] { ask(); });
    if (!next)
        return std::unexpected(next.error());
    next_ = std::move(*next);
    if (!options_.once)
        if (auto watched = watch_terminal(); !watched)
            return watched;
    ask();
    return {};
}

Result<> Top::watch_terminal() {
    auto terminal = TopTerminal::enter();
    if (!terminal)
        return std::unexpected(terminal.error());
    terminal_.emplace(std::move(*terminal));
    sd_event *event = event_.get();
    auto watched = watch_signals(event, {SIGTERM, SIGINT, SIGHUP, SIGQUIT}, [this] { leave(); });
    if (watched)
        watched = watch_signals(event, {SIGWINCH, SIGCONT}, [this] { draw(); });
    if (watched)
        watched = watch_signals(event, {SIGTSTP}, [this] { pause(); });
    if (!watched)
        return watched;
    auto input = FdWatch::create(event, STDIN_FILENO, EPOLLIN, "the terminal",
                                 [this](uint32_t) { read_keys(); });
    auto escape = Timer::create(
        event, [this] { take_typed(/*is_all=*/true); }, 10 * kMillisecond);
    if (!input || !escape)
        return std::unexpected(input ? escape.error() : input.error());
    input_ = std::move(*input);
    escape_ = std::move(*escape);
    draw();
    return {};
}

Result<int> Top::run() {
    const int r = sd_event_loop(event_.get());
    terminal_.reset();
    if (failure_)
        return std::unexpected(*failure_);
    if (r < 0)
        return fail_errno(r, "the event loop failed");
    return 0;
}

void Top::give_up(Error error) {
    failure_ = std::move(error);
    leave();
}

void Top::ask() {
    if (source_->is_asking())
        return;
    source_->ask(kQemuPatience, keys_for_top(),
                 [this](Result<Figures> figures) { take(std::move(figures)); });
}

void Top::take(Result<Figures> figures) {
    if (sd_bus_is_open(bus_.get()) <= 0)
        return give_up({ENOTCONN, "the bus has gone away"});
    if (!figures && options_.once)
        return give_up(figures.error());
    if (!figures) {
        // What is there is old, and stays until there is something new.
        view_.trouble = figures.error().message;
        next_.start(options_.period);
        return draw();
    }
    Moment now{std::move(*figures), usec_of(CLOCK_MONOTONIC), usec_of(CLOCK_REALTIME)};
    const bool is_first = !before_;
    rows_ = top_rows(before_ ? &*before_ : nullptr, now);
    view_.trouble = now.figures.daemon_answers ? "" : "qemunitd does not answer";
    before_ = std::move(now);
    // The first rates come soon.
    next_.start(is_first ? kPeriodOfOnce : options_.period);
    if (options_.once) {
        if (is_first)
            return next_.start(options_.period);
        print_once();
        return leave();
    }
    draw();
}

void Top::print_once() {
    rows_ = filtered_rows(std::move(rows_), options_.filter);
    sort_rows(rows_, options_.sort, false);
    fmt::print("{}", options_.json ? top_json(rows_) : top_table(rows_));
}

void Top::draw() {
    if (!terminal_)
        return;
    std::tie(view_.width, view_.height) = TopTerminal::size();
    sort_rows(rows_, view_.sort, view_.reverse);
    terminal_->draw(top_screen(view_, rows_));
}

void Top::read_keys() {
    char bytes[256];
    const ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0)
        return leave();  // the terminal is gone
    typed_.append(bytes, static_cast<std::size_t>(n));
    take_typed(/*is_all=*/false);
}

void Top::take_typed(bool is_all) {
    for (const TopKey &key : take_keys(typed_, is_all))
        take_key(key);
    if (!typed_.empty())
        escape_.start(kEscapeTime);
    draw();
}

void Top::take_key(const TopKey &key) {
    if (!asks_to_stop_.empty())
        return take_answer(key);
    view_.message.clear();
    if (view_.types_filter)
        return take_filter_key(key);
    switch (key.kind) {
        case TopKey::Kind::up:
            return move(-1);
        case TopKey::Kind::down:
            return move(1);
        case TopKey::Kind::page_up:
            return move(-page());
        case TopKey::Kind::page_down:
            return move(page());
        case TopKey::Kind::home:
            return move(PTRDIFF_MIN + 1);
        case TopKey::Kind::end:
            return move(PTRDIFF_MAX);
        case TopKey::Kind::escape:
            view_.filter.clear();
            return;
        case TopKey::Kind::enter:
            if (!view_.selected.empty())
                run_program(console_command(which_, view_.selected), /*waits_for_key=*/false);
            return;
        case TopKey::Kind::character:
            return take_letter(key.character);
        case TopKey::Kind::erase:
        case TopKey::Kind::other:
            return;
    }
}

void Top::take_letter(char letter) {
    constexpr char kCtrlC = 3, kCtrlL = 12, kCtrlZ = 26;
    switch (letter) {
        case 'q':
        case kCtrlC:
            return leave();
        case kCtrlZ:
            return pause();
        case kCtrlL:
        case ' ':
            return ask();
        case 'k':
            return move(-1);
        case 'j':
            return move(1);
        case 'n':
            return sort_by(TopSort::name);
        case 'c':
            return sort_by(TopSort::cpu);
        case 'm':
            return sort_by(TopSort::memory);
        case 'd':
            return sort_by(TopSort::disk);
        case 't':
            return sort_by(TopSort::network);
        case 'u':
            return sort_by(TopSort::uptime);
        case 'r':
            view_.reverse = !view_.reverse;
            return;
        case '/':
            view_.types_filter = true;
            return;
        case 'l':
            if (!view_.selected.empty())
                run_program(journal_command(which_, view_.selected), /*waits_for_key=*/false);
            return;
        case 's':
            asks_to_stop_ = view_.selected;
            if (!asks_to_stop_.empty())
                view_.message = fmt::format("Stop VM '{}'? y/n", asks_to_stop_);
            return;
        default:
            view_.message =
                "n name  c CPU  m memory  d disk  t network  u uptime  r reverse  / filter  "
                "Enter console  l log  s stop  q quit";
    }
}

void Top::take_filter_key(const TopKey &key) {
    constexpr std::size_t kFilterMax = 64;
    if (key.kind == TopKey::Kind::enter || key.kind == TopKey::Kind::escape) {
        view_.types_filter = false;
        if (key.kind == TopKey::Kind::escape)
            view_.filter.clear();
    } else if (key.kind == TopKey::Kind::erase) {
        if (!view_.filter.empty())
            view_.filter.pop_back();
    } else if (key.kind == TopKey::Kind::character && key.character == 3) {
        leave();
    } else if (key.kind == TopKey::Kind::character && key.character > ' ' && key.character <= '~' &&
               view_.filter.size() < kFilterMax) {
        view_.filter += key.character;
    }
}

// Nothing but "y" means yes.
void Top::take_answer(const TopKey &key) {
    const std::string vm = std::exchange(asks_to_stop_, {});
    view_.message.clear();
    if (key == TopKey{TopKey::Kind::character, 'y'})
        run_program(stop_command(which_, vm), /*waits_for_key=*/false);
}

void Top::move(std::ptrdiff_t by) {
    sort_rows(rows_, view_.sort, view_.reverse);
    move_selection(view_, filtered_rows(rows_, view_.filter), by);
}

void Top::sort_by(TopSort sort) {
    view_.reverse = sort == view_.sort && !view_.reverse;
    view_.sort = sort;
}

// While nobody runs the event loop, no answer is taken, and what was asked is too late after it.
void Top::leave_loop() {
    terminal_.reset();
    source_->cancel();
    before_.reset();
}

void Top::go_on() {
    auto again = TopTerminal::enter();
    if (!again)
        return give_up(again.error());
    terminal_.emplace(std::move(*again));
    draw();
    ask();
}

// One that fails leaves its words on the screen until a key is pressed.
void Top::run_program(const std::vector<std::string> &command, bool waits_for_key) {
    leave_loop();
    const auto status = run_in_foreground(command);
    if (!status)
        fmt::print(stderr, "qemunitctl: {}\n", status.error().message);
    if (waits_for_key || !status || *status != 0) {
        fmt::print("Press Enter to go back to top.\n");
        std::fflush(stdout);
        char c = 0;
        while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
            continue;
    }
    go_on();
}

// As Ctrl-Z does: the shell gets its terminal, and has us go on by SIGCONT.
void Top::pause() {
    leave_loop();
    kill(getpid(), SIGSTOP);
    go_on();
}

}  // namespace

Result<int> run_top(const Invocation &invocation) {
    const auto options = options_of(invocation);
    if (!options)
        return std::unexpected(options.error());
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    Top top(*options, invocation.bus);
    if (auto started = top.start(std::move(*bus)); !started)
        return std::unexpected(started.error());
    return top.run();
}

}  // namespace qemunit::ctl
