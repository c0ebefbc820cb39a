// SPDX-License-Identifier: MIT
#include "helper/companion/companion.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <cinttypes>
#include <csignal>
#include <cstdlib>
#include <optional>

#include "common/event_ptr.h"
#include "common/fd_watch.h"
#include "common/files/arrival_record.h"
#include "common/files/move_record.h"
#include "common/paths.h"
#include "common/qmp/qmp_client.h"
#include "common/shared_names.h"
#include "common/signals.h"
#include "common/timer.h"
#include "helper/companion/guest_notices.h"
#include "helper/companion/idleness.h"
#include "helper/companion/request_server.h"
#include "helper/companion/requests.h"
#include "helper/companion/watchdog.h"
#include "helper/console/journal.h"
#include "helper/console/serial_ports.h"
#include "helper/events/event_log.h"
#include "helper/events/status_text.h"
#include "helper/guest/guest_agent.h"
#include "helper/handover/saved_state.h"
#include "helper/lifecycle/failed_load.h"
#include "helper/lifecycle/guest_run.h"
#include "helper/lifecycle/hardware.h"
#include "helper/lifecycle/image_marks.h"
#include "helper/lifecycle/moving_in.h"
#include "helper/lifecycle/moving_out.h"
#include "helper/lifecycle/readiness.h"
#include "helper/lifecycle/resuming.h"
#include "helper/lifecycle/stopping.h"
#include "helper/lifecycle/succession.h"

namespace qemunit::helper {

namespace {

constexpr std::size_t kQmpMessageMax = 1 << 20;  // bytes; events are small
constexpr uint64_t kCommandTimeout = 60 * kSecond;
// Of a move to another host: how long nothing may move.
constexpr uint64_t kMovePatience = 60 * kSecond;

void warn(std::string_view message) {
    fmt::print(stderr, "<4>qemunit-helper: {}\n", message);
}

// How many ids of QMP commands each companion has for itself.
constexpr uint64_t kIdsOfOne = uint64_t{1} << 32;

class Companion {
  public:
    explicit Companion(Handover &handover) : handover_(handover) {}

    Result<> start(const std::string &vm, CompanionSetup setup) {
        sd_event *event = nullptr;
        if (int r = sd_event_new(&event); r < 0)
            return fail_errno(r, "cannot create an event loop");
        event_.reset(event);
        auto journal = Journal::open(event, [this] { on_room(); });
        if (journal)
            journal_ = std::move(*journal);
        else
            warn(fmt::format("{}; neither serial ports nor events are logged",
                             journal.error().message));
        if (journal_) {
            auto events = EventLog::create(event, vm, *journal_);
            if (!events)
                return std::unexpected(events.error());
            events_ = std::move(*events);
        }
        if (handover_.is_ready)
            setup.ready = {};  // what Ready= waits for has come
        auto readiness = Readiness::create(setup.ready, [this](const std::string &text) {
            handover_.is_ready = readiness_->is_ready();
            sd_notify(0, text.c_str());
        });
        if (!readiness)
            return std::unexpected(readiness.error());
        readiness_ = std::move(*readiness);
        for (PortEnd &end : setup.ports) {
            const bool is_first = end.name == kFirstSerialPort;
            const auto port = ports_.add(event, vm, std::move(end), journal_.get());
            if (!port)
                return std::unexpected(port.error());
            if (is_first && readiness_->wants_lines())
                (*port)->on_line([this](const std::string &line) { readiness_->take_line(line); });
        }
        if (setup.agent)
            if (auto added = add_agent(vm, std::move(*setup.agent), setup.ready); !added)
                return added;
        if (setup.notify) {
            auto notices = GuestNotices::create(event, std::move(*setup.notify), setup.qemu,
                                                {.readiness = *readiness_,
                                                 .events = events_.get(),
                                                 .handover = handover_,
                                                 .is_stopping = [this] {
                                                     return stopping_->has_begun();
                                                 }});
            if (!notices)
                return std::unexpected(notices.error());
            guest_notices_ = std::move(*notices);
        }
        QmpClient::Callbacks callbacks{.ready = [this] { on_ready(); },
                                       .event = [this](const QmpEvent &e) { on_event(e); },
                                       .closed =
                                           [this](const std::string &) {
                                               on_closed();
                                           }};
        auto qmp = takes_over()
                       ? QmpClient::take_over(event, std::move(setup.qmp), std::move(callbacks),
                                              handover_.takeovers * kIdsOfOne, kQmpMessageMax)
                       : QmpClient::create(event, std::move(setup.qmp), std::move(callbacks),
                                           kQmpMessageMax);
        if (!qmp)
            return std::unexpected(qmp.error());
        qmp_ = std::move(*qmp);
        unplugged_ = std::move(setup.unplugged);
        stop_timeout_usec_ = setup.stop_timeout_usec;
        not_saved_ = std::move(setup.not_saved);
        looked_at_ = std::move(setup.looked_at);
        saved_.emplace(hibernation_path(vm));
        guest_run_.emplace(*qmp_, *saved_);
        arrived_.emplace(own_state_dir(vm));
        gone_.emplace(moved_away_path_in(own_state_dir(vm)));
        resuming_.emplace(
            event, *qmp_, *saved_, *guest_run_, handover_, std::move(setup.resumed),
            Resuming::Callbacks{
                .tell_status = [](const std::string &status) { tell_status(status); },
                .is_stopping = [this] { return stopping_->has_begun(); },
                .is_paused = [this] { ask_status(); },
                .has_resumed = [this] { readiness_->take_resumption(qmp_->version()); },
                .look_at_images =
                    [this] {
                        return marks_of(looked_at_);
                    }});
        moving_in_.emplace(
            event, *qmp_, *arrived_, *gone_, CopyMark(own_state_dir(vm)), *guest_run_, handover_,
            std::move(setup.incoming), setup.qemu, kMovePatience,
            MovingIn::Callbacks{.tell_status = [](const std::string &text) { tell_status(text); },
                                .has_moved =
                                    [this] {
                                        has_moved_in();
                                    }});
        moving_out_.emplace(
            event, *qmp_, *gone_, *guest_run_, handover_, setup.qemu, kMovePatience,
            MovingOut::Callbacks{
                .tell_status = [this](const std::string &text) { readiness_->take_status(text); },
                .is_back = [this] { ask_status_anew(); },
                .grant =
                    [this](uint64_t usec) {
                        grant_time_to_stop(usec);
                    }});
        images_ = std::move(setup.images);
        succession_.emplace(event, *qmp_, *guest_run_, *saved_, handover_,
                            std::move(setup.successors), std::move(setup.obstacle),
                            own_state_dir(vm), setup.qemu, kSuccessionPatience,
                            succession_callbacks());
        offered_copies_.emplace(event);
        if (setup.requests) {
            auto requests =
                RequestServer::create(event, std::move(setup.requests),
                                      [this](Request request, const RequestServer::Answer &answer) {
                                          take_request(std::move(request), answer);
                                      });
            if (!requests)
                return std::unexpected(requests.error());
            requests_ = std::move(*requests);
        }
        failed_load_.emplace(event, *qmp_, [this] {
            if (!stopping_->has_begun() && !is_moving())
                readiness_->take_status("Paused: a snapshot could not be loaded");
        });
        qemu_ = setup.qemu;
        watch_over(*qmp_, qemu_);
        // A QEMU that is at work answers this companion late, and systemd does not wait for it.
        if (handover_.qemu_answered)
            watchdog_->start();
        stopping_.emplace(event, *qmp_, handover_.powers_off ? StopMode::poweroff : setup.stop,
                          setup.stop_timeout_usec, *saved_, *guest_run_, setup.qemu, handover_,
                          Stopping::Callbacks{
                              .tell_status = [](const std::string &status) { tell_status(status); },
                              .grant = [this](uint64_t usec) { grant_time_to_stop(usec); },
                              .ask_agent = [this] { ask_agent_to_shut_down(); },
                              .end_saving = [this] { leave_if_done(); },
                              .tell_stopping = [] { sd_notify(0, "STOPPING=1"); },
                              .goes_on = [this] { ask_status_anew(); },
                              .look_at_images =
                                  [this] {
                                      return marks_of(looked_at_);
                                  }});
        idleness_.emplace(
            event, *qmp_, setup.idle_timeout_usec, std::move(setup.network_lists),
            [this] { return is_used(); }, [this] { end_idle_vm(); });
        if (setup.caller)
            if (auto watched = watch_caller(std::move(setup.caller), setup.qemu); !watched)
                return watched;
        // KillSignal= of qemu@.service, which QEMU ignores.
        return watch_signals(event_.get(), {kStopSignal}, [this] { stop(); });
    }

    int run() { return sd_event_loop(event_.get()); }

  private:
    Succession::Callbacks succession_callbacks() {
        return {.tell_status = [this](const std::string &text) { readiness_->take_status(text); },
                .hold_input = [this](bool held) { ports_.hold_input(held); },
                .port_with_input = [this] { return ports_.with_untaken_input(); },
                .watch =
                    [this](QmpClient &qmp, pid_t process) {
                        watch_over(qmp, process);
                        watchdog_->start();
                    },
                .has_succeeded =
                    [this](SuccessorEnds ends, std::unique_ptr<QmpClient> qmp) {
                        go_on_with(std::move(ends), std::move(qmp));
                    },
                .is_back =
                    [this] {
                        watch_over(*qmp_, qemu_);
                        watchdog_->start();
                        ports_.set_guest_runs(true);
                        ask_status_anew();
                    }};
    }

    void watch_over(QmpClient &qmp, pid_t process) {
        watchdog_.emplace(event_.get(), qmp, process,
                          [this] { return moving_out_->waits_for_disks(); });
    }

    // What the old QEMU has printed comes before what the new one prints.
    void go_on_with(SuccessorEnds ends, std::unique_ptr<QmpClient> qmp) {
        ports_.go_on_with(
            [&ends](const std::string &port) {
                auto end = ends.fds.extract(guest_fd(port));
                return end ? std::move(end.mapped()) : UniqueFd();
            },
            [](const std::string &fault) { warn(fault); });
        qmp_->become(std::move(qmp));
        stopping_->set_process(ends.process);
        moving_out_->set_process(ends.process);
        if (guest_notices_)
            guest_notices_->set_process(ends.process);
        qemu_ = ends.process;
        watch_over(*qmp_, qemu_);
        watchdog_->start();
        ports_.set_guest_runs(true);
        ask_status_anew();
    }

    void ask_whether_qemu_runs(std::function<void()> answered) {
        if (!qmp_ || !qmp_->is_ready())
            return answered();
        qmp_->execute("query-status", nullptr, kNoTimeout,
                      [answered = std::move(answered)](const QmpClient::Reply &reply) {
                          if (reply || reply.error().kind != QmpError::Kind::timeout)
                              answered();
                      });
    }

    Result<> add_agent(const std::string &vm, PortEnd end, const Awaited &ready) {
        const auto port = ports_.add(event_.get(), vm, std::move(end), journal_.get());
        if (!port)
            return std::unexpected(port.error());
        agent_.emplace(event_.get(), **port);
        if (ready.thing != Awaited::Thing::agent)
            return {};
        return agent_->probe([this] { readiness_->take_answer_of_agent(); });
    }

    static void tell_status(const std::string &status) {
        sd_notifyf(0, "STATUS=%s", status.c_str());
    }

    // The VM keeps the StopTimeout= that it was started with, whatever systemd has read since:
    // EXTEND_TIMEOUT_USEC= never makes systemd's own time shorter (sd_notify(3)).
    void grant_time_to_stop(uint64_t usec) {
        handover_.stop_until_usec = monotonic_now(event_.get()) + usec;
        sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRIu64, usec);
    }

    void ask_agent_to_shut_down() {
        handover_.powers_off = true;  // a half-stopped guest is not to be hibernated
        if (agent_)
            agent_->shutdown();
    }

    // Nobody is left who would want to know of the VM.
    Result<> watch_caller(UniqueFd caller, pid_t qemu) {
        caller_ = std::move(caller);
        auto watch = FdWatch::create(event_.get(), caller_.get(), EPOLLIN, "the caller",
                                     [this, qemu](uint32_t) {
                                         caller_watch_.set_enabled(false);
                                         if (!qmp_closed_)
                                             kill(qemu, SIGKILL);
                                     });
        if (!watch)
            return std::unexpected(watch.error());
        caller_watch_ = std::move(*watch);
        return {};
    }

    bool takes_over() const { return handover_.takeovers > 0; }

    bool is_used() const {
        return !readiness_->is_ready() || is_on_its_way() || ports_.have_clients();
    }

    // The VM ends as by `systemctl stop`: systemd watches over the time that stopping takes.
    void end_idle_vm() {
        fmt::print(stderr,
                   "<6>qemunit-helper: nobody has used the VM for IdleTimeout=, stopping it.\n");
        sd_notify(0, "STOPPING=1");
        stop();
    }

    void stop() {
        readiness_->give_up();
        if (handover_.stop_asked_usec == 0)
            handover_.stop_asked_usec = monotonic_now(event_.get());
        // QEMU has answered the companion before this one; on_ready() stops the VM when QEMU
        // answers this one.
        if (handover_.qemu_answered && !qmp_->is_ready())
            return;
        if (moving_in_->is_wanted())
            moving_in_->stop();
        else
            succession_->break_off("the VM is to stop", [this] {
                moving_out_->break_off("the VM is to stop", [this] { stopping_->begin(); });
            });
        quit_without_guest();
    }

    // A VM that is to stop, whose guest is another host's, or cannot run.
    void quit_without_guest() {
        if (moving_out_->has_no_guest())
            qmp_->execute("quit", nullptr, kCommandTimeout, [](const QmpClient::Reply &) {});
    }

    bool is_moving() const { return handover_.is_moving_out || moving_in_->is_wanted(); }

    // Down, to the disk, or to another host.
    bool is_on_its_way() const {
        return stopping_->has_begun() || handover_.is_hibernating || is_moving() ||
               succession_->is_under_way();
    }

    void has_moved_in() {
        readiness_->take_resumption(qmp_->version(), "moved");
        ports_.set_guest_runs(true);
        if (handover_.stop_asked_usec != 0)  // while the guest was on the way between the two
            stopping_->begin();
        else
            learn_hardware();
    }

    void ask_status_anew() {
        readiness_->take_status("Running, QEMU " + qmp_->version());
        ask_status();
    }

    // Neither on its way up nor down, nor elsewhere.
    Result<> check_is_settled() const {
        if (!readiness_->is_ready() || !qmp_->is_ready())
            return fail(EAGAIN, "the VM has not started yet");
        if (stopping_->has_begun() || handover_.stop_asked_usec != 0)
            return fail(ESHUTDOWN, "the VM is being stopped");
        if (handover_.is_hibernating)
            return fail(EBUSY, "the VM is being hibernated");
        if (succession_->is_under_way())
            return fail(EBUSY, "the guest is being handed to another QEMU");
        return {};
    }

    void hibernate(std::function<void(Result<>)> done) {
        if (const auto settled = check_is_settled(); !settled)
            return done(settled);
        if (is_moving())
            return done(fail(EBUSY, "the VM is on its way to another host"));
        if (!not_saved_.empty())
            return done(fail(ENOTSUP, fmt::format("the machine's state would be of no use at the "
                                                  "next start: {}",
                                                  not_saved_)));
        stopping_->hibernate(std::move(done));
    }

    // Of qemunitd, for who may use the VM's monitor.
    void take_request(Request request, const RequestServer::Answer &answer) {
        helper::take_request({.qmp = *qmp_,
                              .moving_out = *moving_out_,
                              .offered_copies = *offered_copies_,
                              .succession = *succession_,
                              .check_is_settled = [this] { return check_is_settled(); },
                              .is_moving = [this] { return is_moving(); },
                              .hibernate =
                                  [this](std::function<void(Result<>)> done) {
                                      hibernate(std::move(done));
                                  }},
                             std::move(request), answer);
    }

    void on_ready() {
        // Only the first companion unplugs: a reload may have put a cable in since.
        if (!std::exchange(handover_.qemu_answered, true))
            unplug();
        watchdog_->start();
        idleness_->start();
        if (moving_in_->is_wanted())
            return handover_.stop_asked_usec != 0 && !moving_in_->has_leave() ? moving_in_->stop()
                                                                              : moving_in_->begin();
        if (takes_over())
            succession_->take_up([this] { moving_out_->take_up([this] { go_on(); }); });
        else
            go_on();
        if (handover_.stop_asked_usec != 0)
            quit_without_guest();
        if (takes_over())
            ask_status();
    }

    void go_on() {
        if (handover_.stop_asked_usec != 0)
            go_on_stopping();
        else if (resuming_->is_wanted())
            resuming_->begin();
        else
            readiness_->take_answer_of_qemu(qmp_->version());
        if (handover_.is_hibernating)
            stopping_->go_on_hibernating();
        if (!resuming_->is_wanted() && handover_.stop_asked_usec == 0)
            learn_hardware();
    }

    // For Hibernation, before anybody can have changed it.
    void learn_hardware() {
        if (not_saved_.empty() && !caller_ && handover_.hardware[0] == '\0')
            ask_hardware(*qmp_, kCommandTimeout, [this](const Result<Hardware> &hardware) {
                if (hardware)
                    remember_hardware(handover_, *hardware);
            });
    }

    // QEMU has no option for a cable that is out. The guest has not run yet, and so never sees the
    // cable in.
    void unplug() {
        for (const std::string &card : unplugged_)
            qmp_->execute(
                "set_link", {{"name", card}, {"up", false}}, kCommandTimeout,
                [card](const QmpClient::Reply &reply) {
                    if (!reply)
                        warn(fmt::format("[Network {}] Link=no: {}", card, reply.error().message));
                });
    }

    void go_on_stopping() {
        readiness_->give_up();
        readiness_->take_answer_of_qemu(qmp_->version());
        if (!takes_over())
            return;
        if (handover_.stop_until_usec == 0)
            handover_.stop_until_usec = handover_.stop_asked_usec + stop_timeout_usec_;
        stopping_->go_on(handover_.stop_until_usec);
    }

    // No companion has heard the events between two of them, so QEMU is asked for its state.
    void ask_status() {
        qmp_->execute(
            "query-status", nullptr, kCommandTimeout, [this](const QmpClient::Reply &reply) {
                const std::string state = reply ? string_at(*reply, "status") : std::string();
                if (state == "paused" || state == "save-vm")
                    ports_.set_guest_runs(false);
                const std::string status = status_text_of_state(state);
                if (!status.empty() && !stopping_->has_begun() && !handover_.is_hibernating)
                    readiness_->take_status(status);
            });
    }

    // A guest that has panicked prints no more, also if the panic has only paused the machine.
    void follow_guest(const std::string &event) {
        panicked_ = panicked_ || event == "GUEST_PANICKED";
        if (event == "RESUME" || (event == "STOP" && !panicked_))
            ports_.set_guest_runs(event == "RESUME");
    }

    void forget_images(const std::string &device) {
        for (const auto &[drive, set] : images_)
            if (drive == device)
                succession_->forget_image(set);
        std::erase_if(looked_at_, [&](const ImageFile &image) { return image.drive == device; });
    }

    void on_event(const QmpEvent &event) {
        follow_guest(event.name);
        guest_run_->on_event(event);
        resuming_->on_event(event);
        moving_in_->on_event(event);
        moving_out_->on_event(event);
        succession_->on_event(event);
        if (event.name == "DEVICE_DELETED")
            forget_images(string_at(event.data, "device"));
        if (event.name == "RESUME")
            handover_.is_paused = false;
        // QEMU may write its disks for longer than WatchdogSec= before it ends, and a QEMU that
        // ends is no more asked whether it lives.
        if (event.name == "SHUTDOWN" && !stopping_->has_begun())
            sd_notifyf(0, "EXTEND_TIMEOUT_USEC=%" PRIu64, stop_timeout_usec_);
        stopping_->on_event(event);
        if (events_)
            events_->take(event);
        if (event.name == "STOP" && !is_on_its_way())
            failed_load_->look();
        // While the VM is being stopped, the steps of that are the better story.
        if (is_on_its_way() && event.name != "SHUTDOWN")
            return;
        if (const std::string status = status_text(event, handover_.exit_status); !status.empty())
            readiness_->take_status(status);
    }

    void on_closed() {
        qmp_closed_ = true;
        if (events_)
            events_->end();
        readiness_->give_up();
        moving_in_->on_closed();
        moving_out_->on_closed();
        succession_->on_closed();
        stopping_->on_closed();
        leave_if_done();
    }

    void on_room() {
        ports_.resume();
        leave_if_done();
    }

    void leave_if_done() {
        if (!qmp_closed_ || !ports_.have_ended() || stopping_->is_writing() ||
            (journal_ && !journal_->is_empty()))
            return;
        readiness_->explain_failure();
        const auto leave = [this] {
            sd_event_exit(event_.get(), EXIT_SUCCESS);
        };
        if (journal_)
            journal_->wait_until_filed(leave);
        else
            leave();
    }

    Handover &handover_;
    EventPtr event_;
    std::unique_ptr<Journal> journal_;
    std::unique_ptr<EventLog> events_;
    SerialPorts ports_{
        [this](std::function<void()> answered) { ask_whether_qemu_runs(std::move(answered)); },
        [this] {
            leave_if_done();
        }};
    std::optional<GuestAgent> agent_;  // on one of the ports
    std::unique_ptr<Readiness> readiness_;
    std::unique_ptr<GuestNotices> guest_notices_;
    std::unique_ptr<QmpClient> qmp_;
    UniqueFd caller_;
    FdWatch caller_watch_;
    std::optional<SavedState> saved_;
    std::optional<GuestRun> guest_run_;
    std::optional<ArrivalRecord> arrived_;
    std::optional<MoveRecord> gone_;
    std::optional<Watchdog> watchdog_;
    std::optional<Stopping> stopping_;
    std::optional<Resuming> resuming_;
    std::optional<MovingIn> moving_in_;
    std::optional<MovingOut> moving_out_;
    std::optional<OfferedCopies> offered_copies_;
    std::optional<Succession> succession_;
    std::vector<CompanionSetup::Image> images_;
    ImageFiles looked_at_;
    std::unique_ptr<RequestServer> requests_;
    std::optional<FailedLoad> failed_load_;
    std::optional<Idleness> idleness_;
    uint64_t stop_timeout_usec_ = 0;
    pid_t qemu_ = -1;
    std::string not_saved_;
    std::vector<std::string> unplugged_;
    bool qmp_closed_ = false;
    bool panicked_ = false;
};

}  // namespace

int run_companion(const std::string &vm, CompanionSetup setup, Handover &handover) {
    ignore_signals_of_the_service();
    Companion companion(handover);
    if (auto started = companion.start(vm, std::move(setup)); !started) {
        warn(started.error().message);
        return EXIT_FAILURE;
    }
    return companion.run() < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

}  // namespace qemunit::helper
