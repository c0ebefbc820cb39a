// SPDX-License-Identifier: MIT
#include "helper/lifecycle/succession.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <csignal>
#include <utility>

#include "common/timer.h"
#include "helper/lifecycle/drive_limits.h"
#include "helper/lifecycle/succession_check.h"

namespace qemunit::helper {

namespace {

using nlohmann::json;

constexpr uint64_t kAskTimeout = 20 * kSecond;
constexpr uint64_t kShortInterval = 10 * kMillisecond, kBackInterval = 100 * kMillisecond;
constexpr uint64_t kBarrierTimeout = 5 * kSecond;  // nothing else is served meanwhile
constexpr uint64_t kInputPatience = 2 * kSecond;
constexpr std::size_t kNewMessageMax = 1 << 20;  // bytes
constexpr int kFirstVersion = 10;

json unix_channel(std::string_view type, const std::string &path) {
    return {{"channel-type", type},
            {"addr", {{"transport", "socket"}, {"type", "unix"}, {"path", path}}}};
}

void say(std::string_view priority, const std::string &text) {
    fmt::print(stderr, "<{}>qemunit-helper: {}\n", priority, text);
}

}  // namespace

void Succession::begin(std::function<void(Result<uint64_t>)> done) {
    if (phase_ != Phase::here)
        return done(fail(EBUSY, "the guest is being handed to another QEMU already"));
    if (!control_) {
        // No version tells it before QEMU has answered once.
        if (std::atoi(qmp_.version().c_str()) < kFirstVersion)
            return done(
                fail(ENOTSUP, fmt::format("QEMU {} does not hand a running guest to another "
                                          "QEMU; QEMU 10.0 and newer do",
                                          qmp_.version())));
        return done(fail(
            ENOTSUP,
            obstacle_.empty()
                ? "the VM was not started in a way that lets another QEMU take it over"
                : fmt::format("a running guest is not handed to another QEMU with {}", obstacle_)));
    }
    done_ = std::move(done);
    phase_ = Phase::asking;
    is_sent_ = is_loaded_ = has_run_there_ = false;
    stopped_usec_ = ran_usec_ = 0;
    tries_ = 0;
    wait_no_longer_than(patience_usec_, "QEMU does not answer");
    check();
}

void Succession::check() {
    check_succession(qmp_, handover_.hardware,
                     [this, attempt = ++attempts_](Result<SuccessionFacts> facts) {
                         if (phase_ != Phase::asking || attempt != attempts_)
                             return;
                         if (!facts)
                             return refuse(std::move(facts.error().message));
                         order_ = std::move(facts->order);
                         order_.socket = meeting_place();
                         blocks_ = std::move(facts->blocks);
                         callbacks_.hold_input(true);
                         look_for_input_until(monotonic_now(event_) + kInputPatience);
                     });
}

void Succession::look_for_input_until(uint64_t usec) {
    if (phase_ != Phase::asking)
        return;
    const std::string port = callbacks_.port_with_input();
    if (port.empty())
        return start();
    if (monotonic_now(event_) >= usec)
        return refuse(
            fmt::format("the guest does not take what was typed on the port '{}', which "
                        "would be lost",
                        port));
    look_again(kShortInterval, [this, usec] { look_for_input_until(usec); });
}

void Succession::start() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return refuse("cannot create a socket pair");
    answer_.reset(ends[0]);
    SuccessorRequest request{.process = qemu_, .order = order_, .fds = {}};
    request.fds.insert_or_assign(kAnswerFd, UniqueFd(ends[1]));
    auto watch = FdWatch::create(event_, answer_.get(), EPOLLIN, "the new QEMU's helper",
                                 [this](uint32_t) { take_answer(); });
    if (!watch)
        return refuse(watch.error().message);
    answer_watch_ = std::move(*watch);
    for (const std::string &place : {meeting_place(), stream_place()})
        unlink(place.c_str());
    callbacks_.tell_status("Going on in another QEMU");
    phase_ = Phase::starting;
    wait_no_longer_than(patience_usec_, "it does not start");
    if (auto sent = send_request(control_.get(), handover_.supervisor, request); !sent)
        come_back(sent.error().message);
}

void Succession::take_answer() {
    answer_watch_.reset();
    auto ends = take_ends(answer_.get());
    answer_.reset();
    if (phase_ != Phase::starting)
        return;
    if (!ends)
        return come_back(ends.error().message);
    ends_ = std::move(*ends);
    handover_.successor = ends_.process;
    auto watch = FdWatch::create(event_, control_.get(), EPOLLIN, "the supervisor",
                                 [this](uint32_t) { take_adoption(); });
    if (!watch)
        return come_back(watch.error().message);
    control_watch_ = std::move(*watch);
    // The supervisor gets copies.
    SuccessorRequest request{
        .kind = SuccessorRequest::Kind::adopt, .process = ends_.process, .order = {}, .fds = {}};
    for (const auto &[name, fd] : ends_.fds)
        request.fds.insert_or_assign(name, UniqueFd(dup(fd.get())));
    if (auto sent = send_request(control_.get(), handover_.supervisor, request); !sent)
        come_back(sent.error().message);
}

void Succession::take_adoption() {
    char said = 0;
    const bool has_said = recv(control_.get(), &said, sizeof said, MSG_DONTWAIT) > 0;
    control_watch_.reset();
    if (phase_ != Phase::starting)
        return;
    auto qmp = ends_.fds.extract(kQmpFd);
    if (!has_said || qmp.empty())
        return come_back("the companion's supervisor does not answer");
    auto client = QmpClient::create(
        event_, std::move(qmp.mapped()),
        {.ready = [this] { set_up(); },
         .event =
             [this](const QmpEvent &event) {
                 if (event.name == "RESUME")
                     take_run_there(event);
                 if (event.name == "MIGRATION" && string_at(event.data, "status") == "completed")
                     look_whether_loaded();
             },
         .closed =
             [this](const std::string &) {
                 new_one_is_gone();
             }},
        kNewMessageMax);
    if (!client)
        return come_back(client.error().message);
    new_ = std::move(*client);
    new_run_.emplace(*new_, saved_);
    phase_ = Phase::sending;
    send();
}

// QEMU tells nobody when it listens there; one that does not is asked again, as long as it lives.
void Succession::send() {
    if (phase_ != Phase::sending)
        return;
    if (access(meeting_place().c_str(), F_OK) != 0)
        return look_again(kShortInterval, [this] { send(); });
    migration_.begin(
        {.target = {{"channels", json::array({unix_channel("main", stream_place()),
                                              unix_channel("cpr", meeting_place())})}},
         .parameters = {{"mode", "cpr-transfer"}},
         .capabilities = {"events"}},
        {.progressed = [this] { wait_no_longer_than(patience_usec_, "nothing moves"); },
         .looks = {},
         .done =
             [this](const Result<> &sent) {
                 take_sent(sent);
             }});
}

void Succession::take_sent(const Result<> &sent) {
    if (phase_ != Phase::sending)
        return;
    constexpr unsigned kTriesMax = 20;
    // It had bound its socket, and did not listen yet.
    if (!sent && stopped_usec_ == 0 && !new_->is_ready() && ++tries_ < kTriesMax)
        return look_again(kShortInterval, [this] { send(); });
    if (!sent)
        return come_back(sent.error().message.empty() ? "QEMU gives no reason"
                                                      : sent.error().message);
    is_sent_ = true;
    give();
}

// The new QEMU answers only now, and the old one waits for it.
void Succession::set_up() {
    if (phase_ != Phase::sending)
        return;
    const auto step = [this](std::string_view command, json arguments, std::function<void()> next) {
        new_->execute(command, std::move(arguments), kAskTimeout,
                      [this, name = std::string(command),
                       next = std::move(next)](const QmpClient::Reply &reply) {
                          if (phase_ != Phase::sending)
                              return;
                          reply ? next()
                                : come_back(fmt::format("{}: {}", name, reply.error().message));
                      });
    };
    json capabilities = json::array();
    for (const char *capability : {"events", "late-block-activate"})
        capabilities.push_back({{"capability", capability}, {"state", true}});
    step("migrate-set-capabilities", {{"capabilities", std::move(capabilities)}}, [this, step] {
        step("migrate-incoming",
             {{"channels", json::array({unix_channel("main", stream_place())})}},
             [this] { look_whether_loaded(); });
    });
}

void Succession::look_whether_loaded() {
    if (phase_ != Phase::sending)
        return;
    new_->execute("query-status", nullptr, kAskTimeout, [this](const QmpClient::Reply &reply) {
        if (phase_ != Phase::sending)
            return;
        if (!reply)
            return come_back("query-status: " + reply.error().message);
        if (string_at(*reply, "status") == "inmigrate")
            return look_again(kBackInterval, [this] { look_whether_loaded(); });
        if (!std::exchange(is_loaded_, true))
            give();
    });
}

// Somebody has said `cont` to the new QEMU by a monitor, which it is at as well. It has all of the
// guest then, whose memory and disks are no longer what the old one knows.
void Succession::take_run_there(const QmpEvent &event) {
    has_run_there_ = true;
    if (phase_ == Phase::coming_back) {
        handover_.predecessor = qemu_;
        return lose("somebody has let it run there while it was to come back");
    }
    if (phase_ != Phase::sending)
        return;
    new_run_->on_event(event);
    say("4", "somebody has let the guest run in the new QEMU, by a monitor.");
    decide();
}

void Succession::give() {
    if (is_sent_ && is_loaded_)
        decide();
}

// The one decision. If this companion is killed behind it, the next one takes the new QEMU's ends.
void Succession::decide() {
    phase_ = Phase::given;
    handover_.predecessor = qemu_;
    handover_.has_succeeded = true;
    callbacks_.watch(*new_, ends_.process);
    wait_no_longer_than(patience_usec_, "it does not say that the guest runs");
    const bool is_let = new_run_->let("cont", [this](const QmpClient::Reply &reply) {
        if (reply || (has_run_there_ && reply.error().kind == QmpError::Kind::monitor))
            return has_run();
        // An error of `cont` comes before the guest runs; no answer tells nothing.
        if (reply.error().kind != QmpError::Kind::monitor)
            return;
        handover_.has_succeeded = false;
        handover_.predecessor = -1;
        callbacks_.watch(qmp_, qemu_);  // its way back may be long
        come_back("the guest cannot run there: " + reply.error().message);
    });
    if (!is_let)
        lose("its companion does not let the guest run");
}

// Not from within the client that becomes another one.
void Succession::has_run() {
    ran_usec_ = monotonic_now(event_);
    deadline_.reset();
    look_again(0, [this] { finish(); });
}

void Succession::finish() {
    migration_.leave();
    new_run_.reset();
    qemu_ = ends_.process;
    callbacks_.has_succeeded(std::move(ends_), std::move(new_));
    end_predecessor();
    handover_.successor = -1;
    restore_limits();
    const uint64_t still =
        stopped_usec_ > 0 && ran_usec_ > stopped_usec_ ? ran_usec_ - stopped_usec_ : 0;
    say("5", fmt::format("the guest goes on in QEMU {}, as process {}; it stood still for {} ms.",
                         qmp_.version(), qemu_, (still + 500) / 1000));
    forget();
    phase_ = Phase::here;
    end(still);
}

void Succession::restore_limits() {
    const auto then = [](const QmpClient::Reply &reply) {
        if (!reply)
            say("4", "a drive may not have the limits that it had: " + reply.error().message);
    };
    qmp_.execute("query-block", nullptr, kAskTimeout,
                 [this, then, wanted = std::move(blocks_)](const QmpClient::Reply &reply) {
                     if (!reply)
                         return then(reply);
                     for (json &limits : changed_limits(wanted, *reply))
                         qmp_.execute("block_set_io_throttle", std::move(limits), kAskTimeout,
                                      then);
                 });
}

// systemd must know its new main process before the old one ends.
void Succession::end_predecessor() {
    if (handover_.predecessor <= 1)
        return;
    if (sd_notifyf(0, "MAINPID=%d", handover_.successor) > 0)
        sd_notify_barrier(0, kBarrierTimeout);
    kill(std::exchange(handover_.predecessor, -1), SIGKILL);
}

// The guest may have run in a QEMU that is gone, or does not answer: the other one must not go on
// with what the disks were then.
void Succession::lose(std::string why) {
    say("2",
        fmt::format("the guest was given to another QEMU, and {}: the VM ends, since the guest "
                    "may have written to its disks there.",
                    why));
    phase_ = Phase::given;
    kill_both();
    end(fail(ESHUTDOWN, "the guest was given to another QEMU, and " + why));
}

// Before the guest is given to the new one, that one alone.
void Succession::kill_both() const {
    for (const pid_t process : {handover_.successor, handover_.predecessor})
        if (process > 1)
            kill(process, SIGKILL);
}

// It opens the disks, which may hang, and nothing is gained by its end: the guest has run nowhere
// else. Who stops the VM, and WatchdogSec=, need not wait. The caller does: no backup may begin.
void Succession::wait_on(const std::string &why) {
    say("4", fmt::format("the guest was given to another QEMU, and {}; it is waited for.", why));
    callbacks_.tell_status("Waiting for the new QEMU, which does not let the guest run yet");
}

void Succession::new_one_is_gone() {
    if (phase_ == Phase::given && ran_usec_ == 0)
        lose("that one has ended");
    else if (phase_ == Phase::starting || phase_ == Phase::sending)
        come_back("the new QEMU has ended; see what it said in the VM's journal");
}

// Nothing was changed.
void Succession::refuse(std::string why) {
    phase_ = Phase::here;
    deadline_.reset();
    callbacks_.hold_input(false);
    end(fail(ENOTSUP, std::move(why)));
}

void Succession::come_back(std::string why) {
    phase_ = Phase::coming_back;
    why_back_ = std::move(why);
    deadline_.reset();
    migration_.cancel();
    if (handover_.successor > 1)
        kill(handover_.successor, SIGKILL);
    look_whether_back();
}

// QEMU lets the guest run by itself if not all was sent.
void Succession::look_whether_back() {
    qmp_.execute("query-status", nullptr, patience_usec_, [this](const QmpClient::Reply &reply) {
        if (phase_ != Phase::coming_back)
            return;
        const std::string status = reply ? string_at(*reply, "status") : "finish-migrate";
        if (status == "finish-migrate")
            return look_again(kBackInterval, [this] { look_whether_back(); });
        if (status != "postmigrate")
            return is_back();
        guest_run_.let("cont", [this](const QmpClient::Reply &ran) {
            if (phase_ != Phase::coming_back)
                return;
            if (ran)
                return is_back();
            say("4", "the guest cannot go on yet: " + ran.error().message);
            look_again(kBackInterval, [this] { look_whether_back(); });
        });
    });
}

void Succession::is_back() {
    // What hibernates the VM, or moves it to another host, means QEMU's ordinary mode.
    qmp_.execute("migrate-set-parameters", {{"mode", "normal"}}, kAskTimeout,
                 [](const QmpClient::Reply &) {});
    say("4", fmt::format("the guest was not handed to another QEMU: {}; it goes on in the one that "
                         "it has.",
                         why_back_));
    phase_ = Phase::here;
    handover_.successor = -1;
    forget();
    callbacks_.hold_input(false);
    callbacks_.is_back();
    end(fail(ECANCELED, why_back_));
}

void Succession::forget() {
    deadline_.reset();
    next_look_.reset();
    answer_watch_.reset();
    control_watch_.reset();
    answer_.reset();
    ends_ = {};
    new_run_.reset();
    // Not from within: it may be calling.
    if (new_)
        if (auto timer = start_timer(event_, monotonic_now(event_),
                                     [client = std::shared_ptr<QmpClient>(std::move(new_))] {}))
            next_step_ = std::move(*timer);
    for (const std::string &place : {meeting_place(), stream_place()})
        unlink(place.c_str());
}

void Succession::end(Result<uint64_t> result) {
    const auto then = std::exchange(then_, {});
    if (const auto done = std::exchange(done_, {}))
        done(std::move(result));
    if (then)
        then();
}

void Succession::take_up(std::function<void()> then) {
    if (handover_.has_succeeded && handover_.predecessor > 1) {
        // The one before has said `cont`, or was about to. QEMU does nothing if the guest runs.
        then_ = std::move(then);
        phase_ = Phase::given;
        guest_run_.let("cont", [this](const QmpClient::Reply &reply) {
            if (phase_ != Phase::given)
                return;
            if (!reply)
                return lose("that one does not let it run: " + reply.error().message);
            end_predecessor();
            handover_.successor = -1;
            say("5",
                fmt::format("the guest goes on in QEMU {}, as process {}.", qmp_.version(), qemu_));
            phase_ = Phase::here;
            callbacks_.is_back();
            end(uint64_t{0});
        });
        return;
    }
    if (handover_.successor <= 1)
        return then();
    then_ = std::move(then);
    qmp_.execute("migrate_cancel", nullptr, patience_usec_, [](const QmpClient::Reply &) {});
    come_back("the companion was killed in the middle of it");
}

void Succession::break_off(const std::string &why, std::function<void()> then) {
    if (phase_ == Phase::here)
        return then();
    if (phase_ == Phase::asking)
        refuse(why);
    if (phase_ == Phase::here)
        return then();
    then_ = std::move(then);
    if (phase_ == Phase::starting || phase_ == Phase::sending)
        come_back(why);
}

void Succession::on_event(const QmpEvent &event) {
    migration_.on_event(event);
    // After take_up(), this is the new one.
    if (event.name == "RESUME" && phase_ == Phase::given && new_ && ran_usec_ == 0)
        return lose("a monitor has let it run in the old one as well");
    // QEMU itself, after it could not send; or a monitor.
    if (event.name == "RESUME" && phase_ == Phase::sending && stopped_usec_ != 0)
        return come_back("the guest runs again in the old one");
    // QEMU does not stop it yet: somebody means it to stand still.
    if (event.name == "STOP" && phase_ == Phase::asking)
        return refuse("the guest has stopped meanwhile");
    if (event.name == "STOP" && phase_ == Phase::starting)
        return come_back("the guest has stopped meanwhile");
    if (event.name != "STOP" || phase_ != Phase::sending)
        return;
    stopped_usec_ = monotonic_now(event_);
    // QEMU stops the guest itself. One that stands still for another reason would be let run.
    qmp_.execute("query-status", nullptr, kAskTimeout, [this](const QmpClient::Reply &reply) {
        const std::string status = reply ? string_at(*reply, "status") : "";
        if (phase_ == Phase::sending && status != "running" && status != "finish-migrate" &&
            status != "postmigrate")
            come_back(fmt::format("the guest has stopped meanwhile ({})", status));
    });
}

void Succession::on_closed() {
    if (phase_ == Phase::here)
        return;
    kill_both();
    phase_ = Phase::here;
    forget();
    end(fail(ESHUTDOWN, "QEMU has ended"));
}

void Succession::forget_image(unsigned set) const {
    if (control_)
        if (auto sent = send_request(control_.get(), handover_.supervisor,
                                     {.kind = SuccessorRequest::Kind::drop,
                                      .process = -1,
                                      .order = {},
                                      .set = set,
                                      .fds = {}});
            !sent)
            say("4", sent.error().message);
}

void Succession::look_again(uint64_t usec, std::function<void()> look) {
    if (auto timer = start_timer(event_, monotonic_now(event_) + usec, std::move(look)))
        next_look_ = std::move(*timer);
}

void Succession::wait_no_longer_than(uint64_t usec, const std::string &why) {
    if (auto timer = start_timer(event_, monotonic_now(event_) + usec, [this, why] {
            if (phase_ == Phase::asking)
                refuse(why);
            else if (phase_ == Phase::given)
                wait_on(why);
            else if (phase_ != Phase::here && phase_ != Phase::coming_back)
                come_back(why);
        }))
        deadline_ = std::move(*timer);
}

}  // namespace qemunit::helper
