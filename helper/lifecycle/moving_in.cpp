// SPDX-License-Identifier: MIT
#include "helper/lifecycle/moving_in.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <cinttypes>
#include <csignal>
#include <utility>

#include "common/timer.h"
#include "helper/lifecycle/outgoing_migration.h"

namespace qemunit::helper {

namespace {

using nlohmann::json;

constexpr uint64_t kIncomingLookInterval = 100 * kMillisecond;
constexpr uint64_t kStuckInterval = 5 * kSecond;

}  // namespace

MovingIn::MovingIn(sd_event *event, QmpClient &qmp, const ArrivalRecord &arrived,
                   const MoveRecord &gone, CopyMark mark, GuestRun &guest_run, Handover &handover,
                   std::optional<Incoming> incoming, pid_t qemu, uint64_t patience_usec,
                   Callbacks callbacks)
    : event_(event),
      qmp_(qmp),
      arrived_(arrived),
      gone_(gone),
      guest_run_(guest_run),
      handover_(handover),
      incoming_(std::move(incoming)),
      qemu_(qemu),
      patience_usec_(patience_usec),
      callbacks_(std::move(callbacks)),
      disks_(qmp, std::move(mark)) {
    if (!is_wanted())
        return;
    // What is written down decides, wherever the companion before this one was killed. It may have
    // let the guest run if that cannot be read.
    const Arrival state = arrived_.state(incoming_->move.token);
    const bool may_run = state == Arrival::taken || state == Arrival::runs;
    may_have_run_ = may_run || state == Arrival::unknown || handover_.may_run_here;
    handover_.may_run_here = may_run;
    if (!has_leave())
        guest_run_.forbid(
            fmt::format("{} has not given the VM to this host", incoming_->move.host));
}

void MovingIn::begin() {
    auto channel = MoveChannel::create(
        event_, std::move(incoming_->connection),
        {.line = [this](const std::string &line) { take_line(line); },
         .closed =
             [this] {
                 give_up(fmt::format("the connection to {} has ended", incoming_->move.host));
             }});
    if (channel)
        channel_ = std::move(*channel);
    if (arrived_.state(incoming_->move.token) == Arrival::runs)
        end_waiting_for_it();
    if (has_leave())
        return run();
    if (!channel)
        return give_up(channel.error().message);
    callbacks_.tell_status("Coming from " + incoming_->move.host);
    wait_no_longer_than(patience_usec_, "nothing comes");
    look_for_beginning();
}

// Another companion may have begun; QEMU refuses a second `migrate-incoming`.
void MovingIn::look_for_beginning() {
    qmp_.execute("query-migrate", nullptr, kNoTimeout, [this](const QmpClient::Reply &reply) {
        const std::string status = reply ? string_at(*reply, "status") : "";
        if (!reply)
            give_up("query-migrate: " + reply.error().message);
        else if (!status.empty() && status != "none")
            look();
        else if (!incoming_->copies.empty() && !handover_.has_disks)
            take_disks();
        else
            set_up();
    });
}

// First the disks, for as long as that takes.
void MovingIn::take_disks() {
    disks_.begin({incoming_->move, incoming_->copies}, incoming_->copy_listener,
                 [this](const Result<> &begun) {
                     if (has_given_up_)
                         return;
                     if (!begun)
                         return give_up(begun.error().message);
                     takes_disks_ = true;
                     grant_time();
                     wait_no_longer_than(patience_usec_,
                                         fmt::format("{} says nothing", incoming_->move.host));
                     channel_->listen();
                     channel_->say("copy");
                 });
}

// late-block-activate: QEMU takes the locks of the images when the guest runs, and not before.
void MovingIn::set_up() {
    json capabilities = json::array();
    for (const char *capability : {"events", "late-block-activate"})
        capabilities.push_back({{"capability", capability}, {"state", true}});
    ask("migrate-set-capabilities", {{"capabilities", std::move(capabilities)}}, [this] {
        ask(
            "getfd", {{"fdname", kMoveFdName}}, [this] { receive(); }, channel_->copy());
    });
}

void MovingIn::receive() {
    ask("migrate-incoming", {{"uri", fmt::format("fd:{}", kMoveFdName)}}, [this] {
        channel_->say("ready");
        look();
    });
}

// QEMU does not end its start while memory comes in, and systemd has to wait for that.
void MovingIn::look() {
    grant_time();
    if (is_loaded_ || std::exchange(is_asking_, true))
        return;
    qmp_.execute("query-status", nullptr, kNoTimeout, [this](const QmpClient::Reply &reply) {
        is_asking_ = false;
        if (!reply || is_loaded_ || has_given_up_)
            return;
        if (string_at(*reply, "status") == "inmigrate")
            return look_again();
        loaded();
    });
}

void MovingIn::look_again() {
    if (auto timer =
            start_timer(event_, monotonic_now(event_) + kIncomingLookInterval, [this] { look(); }))
        next_look_ = std::move(*timer);
    // As long as the source lives it sends, or ends the connection; it watches over the progress.
    wait_no_longer_than(patience_usec_, "QEMU does not answer");
}

void MovingIn::loaded() {
    is_loaded_ = true;
    next_look_.reset();
    if (incoming_->copies.empty())
        return tell_that_it_is_loaded();
    // QEMU does not let the guest run while another one may write its disks.
    wait_no_longer_than(patience_usec_, "QEMU does not answer");
    disks_.end([this](const Result<> &ended) {
        if (has_given_up_)
            return;
        if (!ended)
            return refuse(ended.error().message);
        tell_that_it_is_loaded();
    });
}

void MovingIn::tell_that_it_is_loaded() {
    auto expected = gone_.forget();  // of a move that has ended long ago
    if (expected)
        expected = arrived_.expect(incoming_->move);
    if (!expected)
        return refuse(expected.error().message);
    wait_no_longer_than(patience_usec_, fmt::format("{} says nothing", incoming_->move.host));
    channel_->listen();
    channel_->say("loaded");
}

// A QEMU that is dead, or whose guest somebody has let run, is not given a guest: that one can go
// on where it comes from.
void MovingIn::take_line(const std::string &line) {
    if (takes_disks_ && !has_given_up_ && line == "copying") {
        grant_time();
        wait_no_longer_than(patience_usec_, fmt::format("{} says nothing", incoming_->move.host));
    } else if (takes_disks_ && !has_given_up_ && line == "copied") {
        takes_disks_ = false;
        handover_.has_disks = true;
        channel_->stop_listening();
        return set_up();
    }
    if (line != "run" || !is_loaded_ || has_given_up_ || has_leave() ||
        std::exchange(is_taking_, true))
        return;
    qmp_.execute("query-status", nullptr, patience_usec_, [this](const QmpClient::Reply &reply) {
        if (has_given_up_)
            return;
        if (!reply)
            refuse("QEMU is gone, or does not answer: " + reply.error().message);
        else if (const std::string status = string_at(*reply, "status"); status == "running")
            refuse("somebody has let the guest run");
        else
            take();
    });
}

void MovingIn::take() {
    deadline_.reset();
    // To take the guest over would remove what keeps the source from booting.
    if (const auto gone = gone_.read(); gone && gone->token == incoming_->move.token)
        return refuse("the VM's state directory is the same one on both hosts");
    run();
}

// From here on, only this host lets the guest run, unless refuse() can say that it never did. The
// order is that of what must be true if everything ends here: a guest that may have run is
// remembered before it runs. Nothing but "taken" and "runs" lets it.
void MovingIn::run() {
    const std::string &token = incoming_->move.token;
    if (arrived_.state(token) != Arrival::runs)
        if (const auto taken = arrived_.take(token); !taken)
            return refuse(taken.error().message);
    handover_.may_run_here = true;
    if (const auto forgotten = arrived_.forget_others(token); !forgotten)
        return refuse(forgotten.error().message);
    if (const auto aside = gone_.set_aside(); !aside)
        return refuse(aside.error().message);
    guest_run_.allow();
    const bool is_let = guest_run_.let("cont", [this](const QmpClient::Reply &reply) {
        if (reply)
            return has_run();
        // An error of `cont` comes before the guest runs (see Resuming::run()). No answer tells
        // nothing: it may have run.
        if (reply.error().kind == QmpError::Kind::monitor)
            refuse("the guest cannot run there: " + reply.error().message);
    });
    if (!is_let)
        refuse("the guest cannot run there: its companion does not let it");
}

// The next start of the VM boots. As long as the guest might not be here, a start fails instead.
void MovingIn::end_waiting_for_it() const {
    shutdown(incoming_->listener.get(), SHUT_RDWR);
}

void MovingIn::has_run() {
    end_waiting_for_it();
    handover_.has_moved_in = true;
    for (const auto &written :
         {arrived_.confirm(incoming_->move.token), gone_.forget(), disks_.forget_mark()})
        if (!written)
            fmt::print(stderr, "<3>qemunit-helper: {}\n", written.error().message);
    if (channel_)
        channel_->say("runs");
    channel_.reset();
    fmt::print(stderr, "<5>qemunit-helper: the VM has come from {}, and runs here now.\n",
               incoming_->move.host);
    callbacks_.has_moved();
}

// The guest has never run here, unless the companion before this one, or a monitor, has let it. The
// source takes it back when it hears this, or when it asks: so it has to be on the disk by then.
// Where it cannot be written down, nobody is told; and who finds "taken" finds the guest here.
void MovingIn::refuse(const std::string &why) {
    handover_.may_run_here = false;
    guest_run_.forbid("the VM was given back");
    const auto refused = may_have_run_ ? fail(EBUSY, why) : write_refusal();
    if (refused && channel_)
        channel_->say("refused " + why);
    if (!refused) {
        const Arrival state = arrived_.state(incoming_->move.token);
        if (state == Arrival::taken || state == Arrival::runs)
            return keep(refused.error().message == why
                            ? why
                            : fmt::format("{}; {}", why, refused.error().message));
        fmt::print(stderr, "<3>qemunit-helper: {}\n", refused.error().message);
    }
    give_up(why);
}

// The guest is this host's, and nowhere else any more: QEMU keeps it until it can run.
void MovingIn::keep(const std::string &why) {
    handover_.may_run_here = true;
    if (!std::exchange(is_stuck_, true))
        fmt::print(stderr,
                   "<3>qemunit-helper: the VM was given to this host by {}, and cannot run here: "
                   "{}; trying again until the VM is stopped.\n",
                   incoming_->move.host, why);
    if (handover_.stop_asked_usec != 0)
        return stop();
    callbacks_.tell_status("Stands still after a move, trying again: " + why);
    grant_time();
    if (auto timer = start_timer(event_, monotonic_now(event_) + kStuckInterval, [this] { run(); }))
        next_look_ = std::move(*timer);
}

void MovingIn::stop() {
    if (is_stuck_)
        handover_.may_run_here = false;
    give_up("the VM is to stop");
}

Result<> MovingIn::write_refusal() const {
    const std::string &token = incoming_->move.token;
    switch (arrived_.state(token)) {
        case Arrival::none:  // "loaded" was not said, and so "run" will not be
            return {};
        case Arrival::taken:
            if (auto restored = gone_.restore(); !restored)
                return restored;
            return arrived_.give_back(token);
        default:
            return arrived_.revoke(token);
    }
}

void MovingIn::give_up(const std::string &why) {
    if (has_leave() || std::exchange(has_given_up_, true))
        return;
    deadline_.reset();
    next_look_.reset();
    fmt::print(stderr, "<3>qemunit-helper: the VM does not come from {}: {}.\n",
               incoming_->move.host, why);
    qmp_.execute("quit", nullptr, kNoTimeout, [](const QmpClient::Reply &) {});
}

// "run" is not obeyed any more. The source hears that the connection has ended.
void MovingIn::on_closed() {
    if (!is_wanted())
        return;
    if (!has_leave())
        has_given_up_ = true;
    deadline_.reset();
    next_look_.reset();
    channel_.reset();
}

void MovingIn::on_event(const QmpEvent &event) {
    may_have_run_ = may_have_run_ || event.name == "RESUME";
    if (!is_wanted() || has_leave() || has_given_up_)
        return;
    if (event.name == "MIGRATION" && string_at(event.data, "status") == "completed")
        look();
    if (event.name != "RESUME")
        return;
    fmt::print(stderr,
               "<2>qemunit-helper: a monitor has let the guest run here, which {} has not given to "
               "this host: QEMU is killed.\n",
               incoming_->move.host);
    has_given_up_ = true;
    channel_.reset();
    kill(qemu_, SIGKILL);
    // It has run, and may have written: "no" would be wrong.
    if (const auto taken = arrived_.take(incoming_->move.token); !taken && is_loaded_)
        fmt::print(stderr, "<3>qemunit-helper: {}\n", taken.error().message);
}

void MovingIn::wait_no_longer_than(uint64_t usec, const std::string &why) {
    if (auto timer =
            start_timer(event_, monotonic_now(event_) + usec, [this, why] { give_up(why); }))
        deadline_ = std::move(*timer);
}

void MovingIn::grant_time() const {
    sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRIu64, 2 * patience_usec_);
}

void MovingIn::ask(std::string_view command, json arguments, std::function<void()> next,
                   UniqueFd fd) {
    qmp_.execute(
        command, std::move(arguments), kNoTimeout,
        [this, name = std::string(command), next = std::move(next)](const QmpClient::Reply &reply) {
            if (has_given_up_)
                return;
            if (reply)
                return next();
            give_up(fmt::format("{}: {}", name, reply.error().message));
        },
        std::move(fd));
}

}  // namespace qemunit::helper
