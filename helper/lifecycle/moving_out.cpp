// SPDX-License-Identifier: MIT
#include "helper/lifecycle/moving_out.h"

#include <fmt/format.h>

#include <csignal>
#include <utility>

#include "common/timer.h"

namespace qemunit::helper {

namespace {

using nlohmann::json;

// As good as no limit; QEMU's own default is made for slow networks.
constexpr uint64_t kFastest = 10ull << 30;
constexpr uint64_t kCopyWordInterval = 10 * kSecond;
constexpr uint64_t kBackLookInterval = 100 * kMillisecond;
// Of a VM that is to stop.
constexpr uint64_t kBackGrant = 60 * kSecond;
constexpr std::size_t kWhyMax = 500;

// What another host says, for a line of the journal and a terminal.
std::string one_line(std::string_view text) {
    std::string line(text.substr(0, kWhyMax));
    for (char &c : line)
        if (c < ' ' || c > '~')
            c = '?';
    return line;
}

}  // namespace

json MovingOut::state() const {
    const char *phase = "sending";
    if (phase_ == Phase::here)
        phase = "here";
    else if (phase_ == Phase::given)
        phase = "given";
    else if (phase_ == Phase::moved)
        phase = "moved";
    else if (phase_ == Phase::coming_back)
        phase = "coming-back";
    else if (phase_ == Phase::stuck)
        phase = "stuck";
    json state{{"phase", phase},
               {"host", request_.move.host},
               {"vm", request_.move.vm},
               {"token", request_.move.token}};
    if (phase_ == Phase::sending && copies_disks_ && !is_ready_) {
        state["phase"] = "copying";
        state["sent"] = storage_.copied();
        state["remaining"] = storage_.remaining();
    }
    return state;
}

void MovingOut::begin(MoveRequest request, std::function<void(Result<>)> done) {
    if (phase_ != Phase::here)
        return done(fail(
            EBUSY, is_given()
                       ? fmt::format("the VM has been given to {}", request_.move.host)
                       : fmt::format("the VM is being moved to {} already", request_.move.host)));
    auto channel =
        MoveChannel::create(event_, std::move(request.connection),
                            {.line = [this](const std::string &line) { take_line(line); },
                             .closed =
                                 [this] {
                                     lose_touch("the connection to it has ended");
                                 }});
    if (!channel)
        return done(std::unexpected(channel.error()));
    request_ = std::move(request);
    done_ = std::move(done);
    channel_ = std::move(*channel);
    phase_ = Phase::sending;
    is_ready_ = is_loaded_ = has_begun_copying_ = false;
    copies_disks_ = !request_.copies.empty();
    const std::string text = move_text(request_.move);
    handover_.move[text.copy(handover_.move, sizeof handover_.move - 1)] = '\0';
    handover_.is_moving_out = true;
    callbacks_.tell_status("Moving to " + request_.move.host);
    channel_->listen();
    wait_no_longer_than(patience_usec_, "it does not say that it is ready");
    if (const auto prepared = record_.prepare(request_.move); !prepared)
        return come_back(prepared.error().message);
    qmp_.execute("query-status", nullptr, kNoTimeout, [this](const QmpClient::Reply &reply) {
        if (phase_ != Phase::sending)
            return;
        const std::string status = reply ? string_at(*reply, "status") : "";
        if (status != "running")
            come_back(fmt::format("a guest that stands still ({}) is not moved; let it run first",
                                  status));
    });
}

void MovingOut::take_line(const std::string &line) {
    constexpr std::string_view kRefused = "refused ";
    if (line == "copy" && phase_ == Phase::sending) {
        if (copies_disks_ && !std::exchange(has_begun_copying_, true))
            copy_disks();
    } else if (line == "ready" && phase_ == Phase::sending && !std::exchange(is_ready_, true)) {
        if (copies_disks_ && !storage_.is_ready())
            return come_back("it does not take the disks");
        send();
    } else if (line == "loaded" && phase_ == Phase::given) {
        channel_->say("run");  // its companion was killed when it had heard that
    } else if (line == "loaded" && (phase_ == Phase::sending || phase_ == Phase::offered)) {
        is_loaded_ = true;
        if (phase_ == Phase::offered)
            give();
    } else if (line == "runs" && phase_ == Phase::given) {
        has_moved();
    } else if (line.starts_with(kRefused)) {
        // A target that refuses has written down that the guest never runs there.
        const std::string why = one_line(std::string_view(line).substr(kRefused.size()));
        if (phase_ == Phase::given) {
            if (const auto decided = decide(request_.move.token, false); !decided)
                lose_touch(decided.error().message);
            return;
        }
        if (phase_ == Phase::sending || phase_ == Phase::offered)
            come_back(why);
    }
}

void MovingOut::copy_disks() {
    // The guest runs, and it may take long until a disk of the target has written what is on its
    // way. That the other host owes an answer for too long is noticed before.
    const uint64_t patience = answer_patience() * 10 / 9;
    wait_no_longer_than(patience, "nothing of the disks has got there");
    tell_that_it_copies();
    storage_.begin(std::move(request_.copies), request_.bandwidth,
                   {.progressed =
                        [this, patience] {
                            wait_no_longer_than(patience, "nothing more of the disks gets there");
                        },
                    .ready = [this] { has_copied(); },
                    .failed =
                        [this](const std::string &why) {
                            if (phase_ == Phase::sending || phase_ == Phase::offered)
                                come_back(why);
                        }});
}

// So that the target knows that somebody is there, and no link is taken for dead.
void MovingOut::tell_that_it_copies() {
    channel_->say("copying");
    if (auto timer = start_timer(event_, monotonic_now(event_) + kCopyWordInterval,
                                 [this] { tell_that_it_copies(); }))
        next_word_ = std::move(*timer);
}

// What the guest writes from now on follows, until end_copying().
void MovingOut::has_copied() {
    next_word_.reset();
    wait_no_longer_than(patience_usec_, "it does not say that it is ready");
    channel_->say("copied");
}

// The guest stands still, and the disks are still this host's.
void MovingOut::end_copying() {
    wait_no_longer_than(patience_usec_, "the last of the disks does not get there");
    storage_.finish([this](const Result<> &copied) {
        if (phase_ != Phase::sending)
            return;
        if (!copied)
            return come_back(copied.error().message);
        wait_no_longer_than(patience_usec_, "QEMU does not answer");
        migration_.continue_it();
    });
}

void MovingOut::send() {
    const auto fail_to_send = [this](const std::string &why) {
        if (phase_ == Phase::sending)
            come_back(why);
    };
    qmp_.execute("query-migrate", nullptr, kNoTimeout,
                 [this, fail_to_send](const QmpClient::Reply &reply) {
                     const std::string blocker = reply ? first_blocker(*reply) : "";
                     if (!blocker.empty())
                         fail_to_send(blocker);
                 });
    qmp_.execute(
        "getfd", {{"fdname", kMoveFdName}}, kNoTimeout,
        [this, fail_to_send](const QmpClient::Reply &reply) {
            if (!reply)
                return fail_to_send("getfd: " + reply.error().message);
            if (phase_ != Phase::sending)
                return;
            json parameters{
                {"max-bandwidth", request_.bandwidth > 0 ? request_.bandwidth : kFastest}};
            if (request_.downtime_ms > 0)
                parameters["downtime-limit"] = request_.downtime_ms;
            migration_.begin({.target = {{"uri", fmt::format("fd:{}", kMoveFdName)}},
                              .parameters = std::move(parameters),
                              .capabilities = {"events"},
                              .pauses = copies_disks_},
                             {.progressed =
                                  [this] {
                                      wait_no_longer_than(
                                          patience_usec_,
                                          "less and less is left to send no more; a guest that "
                                          "writes faster than the network takes it needs more "
                                          "--downtime= or --bandwidth=");
                                  },
                              .looks = {},
                              .paused = [this] { end_copying(); },
                              .done =
                                  [this](const Result<> &sent) {
                                      take_sent(sent);
                                  }});
        },
        channel_->copy());
}

void MovingOut::take_sent(const Result<> &sent) {
    if (phase_ != Phase::sending)
        return;
    if (!sent)
        return come_back(sent.error().message.empty() ? "QEMU gives no reason"
                                                      : sent.error().message);
    if (storage_.is_under_way())
        return come_back("QEMU has not waited for the disks");
    phase_ = Phase::offered;
    if (is_loaded_)
        return give();
    wait_no_longer_than(patience_usec_, "it does not say that it has loaded the machine");
}

// The one decision, of which there is no second one on the other side: what follows is said only
// when it is on the disk that this host has the guest no more.
void MovingOut::give() {
    handover_.is_given = true;
    if (const auto committed = record_.commit(); !committed)
        return come_back(committed.error().message);
    phase_ = Phase::given;
    guest_run_.forbid(fmt::format("the VM has been given to {}", request_.move.host));
    wait_no_longer_than(patience_usec_, "it does not say that the guest runs");
    channel_->say("run");
}

void MovingOut::has_moved() {
    phase_ = Phase::moved;
    deadline_.reset();
    channel_.reset();
    handover_.is_moving_out = false;
    fmt::print(stderr, "<5>qemunit-helper: the VM has moved to {}, and runs there{}.\n",
               request_.move.host, request_.move.vm.empty() ? "" : " as " + request_.move.vm);
    callbacks_.tell_status("Moved to " + request_.move.host);
    qmp_.execute("quit", nullptr, kNoTimeout, [](const QmpClient::Reply &) {});
    answer({});
}

// Before the guest is given away, whatever happens there means nothing; after that, only the target
// knows whether it has got the guest, and is to be asked by another way.
void MovingOut::lose_touch(std::string why) {
    if (phase_ == Phase::sending || phase_ == Phase::offered)
        return come_back(fmt::format("{}: {}", request_.move.host, why));
    if (phase_ != Phase::given)
        return;
    deadline_.reset();
    channel_.reset();
    fmt::print(stderr,
               "<3>qemunit-helper: the VM was given to {}, and {}: the guest stands still here "
               "until it is known whether it runs there. `qemunitctl migrate` with the same "
               "arguments asks.\n",
               request_.move.host, why);
    callbacks_.tell_status(
        fmt::format("Given to {}, which has not said that the guest runs", request_.move.host));
    answer(
        fail(EINPROGRESS, fmt::format("the VM was given to {}, and {}", request_.move.host, why)));
}

Result<> MovingOut::decide(const std::string &token, bool has_run_there) {
    const bool is_stuck = phase_ == Phase::stuck;
    if ((phase_ != Phase::given && !is_stuck) || token != request_.move.token)
        return fail(EINVAL, "no such move waits for a decision");
    if (is_stuck && has_run_there)
        return fail(EINVAL, "the guest was not given away, or was given back; stop the VM here");
    if (has_run_there) {
        has_moved();
        return {};
    }
    if (const auto removed = record_.remove(); !removed)
        return removed;
    handover_.refused_usec = 0;
    come_back(fmt::format("{} did not run the guest", request_.move.host));
    return {};
}

void MovingOut::take_up(std::function<void()> then) {
    if (const auto move = parse_move(handover_.move))
        request_.move = *move;
    else
        request_.move.host = "another host";
    if (handover_.is_given || (handover_.is_moving_out && record_.exists())) {
        handover_.is_given = true;
        phase_ = Phase::given;
        guest_run_.forbid(fmt::format("the VM has been given to {}", request_.move.host));
        lose_touch("the companion that has spoken with it is gone");
        return;
    }
    if (!handover_.is_moving_out)
        return then();
    then_ = std::move(then);
    phase_ = Phase::sending;
    copies_disks_ = true;  // for all that this one knows
    // That one was begun by somebody else.
    qmp_.execute("migrate_cancel", nullptr, kNoTimeout, [](const QmpClient::Reply &) {});
    come_back("the companion was killed in the middle of it");
}

void MovingOut::break_off(const std::string &why, std::function<void()> then) {
    if (phase_ == Phase::here)
        return then();
    then_ = std::move(then);
    if (phase_ == Phase::sending || phase_ == Phase::offered)
        come_back(why);
}

// What is sent after this finds nobody who reads, so that the target's QEMU ends. "run" was not
// said, or the target never obeys it.
void MovingOut::come_back(std::string why) {
    phase_ = Phase::coming_back;
    handover_.is_given = false;
    guest_run_.allow();
    why_back_ = std::move(why);
    deadline_.reset();
    next_word_.reset();
    if (copies_disks_)
        storage_.abort();
    migration_.cancel();
    channel_.reset();
    request_.copies.clear();
    look_whether_back();
}

void MovingOut::look_again() {
    if (auto timer = start_timer(event_, monotonic_now(event_) + kBackLookInterval,
                                 [this] { look_whether_back(); }))
        next_look_ = std::move(*timer);
}

// QEMU lets the guest run by itself if not all was sent.
void MovingOut::look_whether_back() {
    if (then_)
        callbacks_.grant(kBackGrant);
    qmp_.execute("query-status", nullptr, kNoTimeout, [this](const QmpClient::Reply &reply) {
        const std::string status = reply ? string_at(*reply, "status") : "finish-migrate";
        if (phase_ != Phase::coming_back)
            return;
        if (status == "finish-migrate")
            return look_again();
        if (status != "postmigrate")
            return is_back();
        if (handover_.refused_usec != 0 &&
            monotonic_now(event_) >= handover_.refused_usec + patience_usec_ * 3 / 2)
            return give_up_coming_back();
        guest_run_.let("cont", [this](const QmpClient::Reply &ran) {
            if (phase_ != Phase::coming_back)
                return;
            if (ran)
                return is_back();
            take_refusal(ran.error().message);
        });
    });
}

// The target's QEMU may hold the locks of the images for a while after its end was asked for.
void MovingOut::take_refusal(const std::string &why) {
    refusal_ = why;
    if (handover_.refused_usec == 0) {
        handover_.refused_usec = monotonic_now(event_);
        fmt::print(stderr,
                   "<4>qemunit-helper: the guest cannot go on here yet: {}; trying again.\n", why);
    }
    look_again();
}

// Whoever has the locks for so long may be another guest, and change the disks. What this guest has
// in its memory would not fit these any more: it is not let run by itself once they are free.
void MovingOut::give_up_coming_back() {
    phase_ = Phase::stuck;
    const std::string why = refusal_.empty() ? "as was said above" : refusal_;
    fmt::print(stderr,
               "<3>qemunit-helper: the guest cannot go on here: {}. It stands still, and is not "
               "tried again by itself, since its disks may be changed meanwhile. `qemunitctl "
               "migrate` with the same arguments asks {}, and tries again; to stop the VM ends "
               "it.\n",
               why, request_.move.host);
    callbacks_.tell_status("Stands still after a move, QEMU does not let it run: " + why);
    answer(fail(ECANCELED,
                fmt::format("{}; and the guest stands still here, since QEMU does not let it run: "
                            "{}; see the VM's journal",
                            why_back_, why)));
    if (handover_.stop_asked_usec != 0)
        qmp_.execute("quit", nullptr, kNoTimeout, [](const QmpClient::Reply &) {});
}

void MovingOut::is_back() {
    phase_ = Phase::here;
    next_look_.reset();
    if (const auto removed = record_.remove(); !removed)
        fmt::print(stderr, "<3>qemunit-helper: {}\n", removed.error().message);
    handover_.is_moving_out = handover_.is_given = false;
    handover_.refused_usec = 0;
    fmt::print(stderr, "<4>qemunit-helper: the VM has not moved to {}: {}; it goes on here.\n",
               request_.move.host, why_back_);
    if (copies_disks_)
        migration_.forget_pause();
    callbacks_.is_back();
    answer(fail(ECANCELED, why_back_));
    if (const auto then = std::exchange(then_, {}))
        then();
}

void MovingOut::on_event(const QmpEvent &event) {
    migration_.on_event(event);
    // QEMU stops the guest itself at the end. A guest that stands still for another reason would be
    // let run by the target.
    if (event.name == "STOP" && phase_ == Phase::sending)
        qmp_.execute("query-status", nullptr, kNoTimeout, [this](const QmpClient::Reply &reply) {
            const std::string status = reply ? string_at(*reply, "status") : "";
            if (phase_ == Phase::sending && status != "running" && status != "finish-migrate" &&
                status != "postmigrate")
                come_back(fmt::format("the guest has stopped meanwhile ({})", status));
        });
    if (event.name == "RESUME" && phase_ == Phase::stuck)
        return is_back();  // somebody has decided that, by a monitor
    if (event.name != "RESUME" || !is_given())
        return;
    fmt::print(stderr,
               "<2>qemunit-helper: a monitor has let the guest run here, though it was given to "
               "{}: it is {}. There may have been two of it for a moment.\n",
               request_.move.host, phase_ == Phase::moved ? "killed" : "stopped again");
    // One that QEMU has let run keeps its locks when it is stopped: the target cannot run it then.
    if (phase_ == Phase::moved)
        kill(qemu_, SIGKILL);
    else
        qmp_.execute("stop", nullptr, kNoTimeout, [](const QmpClient::Reply &) {});
}

void MovingOut::on_closed() {
    deadline_.reset();
    next_look_.reset();
    next_word_.reset();
    channel_.reset();
    // The companion before this one may have given the guest away, and this one not looked yet.
    if (!handover_.is_given && handover_.is_moving_out) {
        phase_ = Phase::here;
        if (const auto removed = record_.remove(); !removed)
            fmt::print(stderr, "<3>qemunit-helper: {}\n", removed.error().message);
    }
    answer(fail(ESHUTDOWN, "QEMU has ended"));
}

void MovingOut::wait_no_longer_than(uint64_t usec, const std::string &why) {
    if (auto timer =
            start_timer(event_, monotonic_now(event_) + usec, [this, why] { lose_touch(why); }))
        deadline_ = std::move(*timer);
}

void MovingOut::answer(Result<> result) {
    if (const auto done = std::exchange(done_, {}))
        done(std::move(result));
}

}  // namespace qemunit::helper
