// SPDX-License-Identifier: MIT
//
// qemunitd: the D-Bus service org.qemunit1. The bus starts the daemon, which learns the VMs,
// connects to those that run, and only then takes its name, so that its first answer is right. The
// daemon keeps no state: no VM notices when it is killed.
#include <fmt/format.h>
#include <malloc.h>
#include <systemd/sd-daemon.h>

#include <csignal>
#include <cstdio>
#include <string_view>

#include "bus/access/callers.h"
#include "bus/access/polkit.h"
#include "bus/methods/backup_end.h"
#include "bus/options.h"
#include "bus/service/idle_exit.h"
#include "bus/service/leave.h"
#include "bus/service/manager_object.h"
#include "bus/service/reload_barrier.h"
#include "bus/service/vm_object.h"
#include "bus/vms/vm_registry.h"
#include "common/bus_ptr.h"
#include "common/event_ptr.h"
#include "common/paths.h"
#include "common/result.h"
#include "common/shared_names.h"
#include "common/signals.h"
#include "common/timer.h"
#include "common/user_paths.h"

namespace qemunit::bus {
namespace {

// How long the first answer waits for QEMUs that do not answer.
constexpr uint64_t kSettleTime = 500 * kMillisecond;

// A larger block goes back to the system as soon as it is freed. Without this, glibc would raise
// the bound to the longest message that a QEMU has ever sent, and keep such blocks (mallopt(3)).
constexpr int kMmapThreshold = 256 * 1024;

void log_line(const char *priority, std::string_view text) {
    fmt::print(stderr, "{}qemunitd: {}\n", priority, text);
}

class Daemon {
  public:
    // `idle_usec`: the idle time after which the daemon ends; 0: never.
    Daemon(Paths paths, uint64_t idle_usec) : paths_(std::move(paths)), idle_usec_(idle_usec) {}
    Result<> start();
    int run() { return sd_event_loop(event_.get()); }
    void end();
    bool has_lost_bus() const { return sd_bus_is_open(bus_.get()) <= 0; }

  private:
    Result<> connect();
    void on_listed(const Result<> &result);
    void serve_when_settled();
    void serve();
    void end_when_idle();
    void look_for_idleness();
    void give_up(std::string_view why);

    const Paths paths_;  // of the manager whose VMs these are
    const uint64_t idle_usec_;
    EventPtr event_;
    BusPtr bus_;
    std::unique_ptr<VmRegistry> registry_;
    std::unique_ptr<VmObjects> vm_objects_;
    std::unique_ptr<ReloadBarrier> reload_barrier_;
    std::unique_ptr<IdleExit> idle_exit_;
    EventSourcePtr settle_timer_;
    std::unique_ptr<Leave> leave_;
    bool listed_ = false;
    bool serving_ = false;
};

// Whoever waits for the answer of a QEMU is told by the bus that none comes. At the second signal
// at once.
void Daemon::end() {
    const auto exit = [this] {
        sd_event_exit(event_.get(), EXIT_SUCCESS);
    };
    if (leave_)
        return exit();
    auto leave = Leave::begin(bus_.get(), exit);
    if (!leave)
        return exit();
    leave_ = std::move(*leave);
}

Result<> Daemon::connect() {
    sd_event *event = nullptr;
    if (int r = sd_event_default(&event); r < 0)
        return fail_errno(r, "cannot create the event loop");
    event_.reset(event);
    if (auto watched = watch_signals(event, {SIGTERM, SIGINT}, [this] { end(); }); !watched)
        return watched;
    sd_event_set_watchdog(event, true);  // if the unit asks for it

    sd_bus *bus = nullptr;
    const bool of_user = paths_.is_of_user();
    if (int r = of_user ? sd_bus_open_user_with_description(&bus, "qemunitd")
                        : sd_bus_open_system_with_description(&bus, "qemunitd");
        r < 0)
        return fail_errno(r, of_user ? "cannot connect to the user's session bus"
                                     : "cannot connect to the system bus");
    bus_.reset(bus);
    if (int r = sd_bus_attach_event(bus, event, SD_EVENT_PRIORITY_NORMAL); r < 0)
        return fail_errno(r, "cannot attach the bus to the event loop");
    sd_bus_set_exit_on_disconnect(bus, true);
    return {};
}

Result<> Daemon::start() {
    if (auto connected = connect(); !connected)
        return connected;
    sd_bus *bus = bus_.get();
    if (auto watched = callers().watch(bus); !watched)
        return watched;
    look_for_polkit(bus);
    VmObserver observer{
        .added =
            [this, bus](Vm &vm) {
                if (serving_)
                    emit_vm_added(bus, vm);
            },
        .removed =
            [this, bus](Vm &vm) {
                if (serving_)
                    emit_vm_removed(bus, vm);
                look_for_idleness();
            },
        .changed =
            [this, bus](Vm &vm, const char *property) {
                if (serving_)
                    emit_vm_changed(bus, vm, property);
                look_for_idleness();
            },
        .event =
            [this, bus](Vm &vm, const QmpEvent &event, const std::string &data) {
                if (serving_)
                    emit_vm_event(bus, vm, event, data);
            },
        .connected = [bus](Vm &vm) { take_up_backup(bus, vm.weak_from_this()); },
        .refreshed = [this](Vm &) { serve_when_settled(); },
        .violated =
            [](Vm &vm, const std::string &how) {
                log_line(SD_WARNING, fmt::format("VM '{}': {}; connecting anew", vm.name(), how));
            }};
    registry_ = std::make_unique<VmRegistry>(event_.get(), bus, paths_, std::move(observer),
                                             [this](const Result<> &result) { on_listed(result); });
    if (auto added = add_manager_object(bus, *registry_); !added)
        return added;
    vm_objects_ = std::make_unique<VmObjects>(*registry_);
    if (auto added = vm_objects_->add_to(bus); !added)
        return added;
    auto reload_barrier = ReloadBarrier::watch(bus, *registry_);
    if (!reload_barrier)
        return std::unexpected(reload_barrier.error());
    reload_barrier_ = std::move(*reload_barrier);
    return registry_->start();
}

void Daemon::on_listed(const Result<> &result) {
    if (!result) {
        const std::string why = "cannot ask systemd for its units: " + result.error().message;
        if (!listed_)
            give_up(why);
        else
            log_line(SD_WARNING, why);
        return;
    }
    if (!std::exchange(listed_, true)) {
        auto timer = start_timer(event_.get(), monotonic_now(event_.get()) + kSettleTime,
                                 [this] { serve(); });
        if (timer)
            settle_timer_ = std::move(*timer);
    }
    serve_when_settled();
}

void Daemon::serve_when_settled() {
    if (!serving_ && listed_ && (!settle_timer_ || registry_->is_settled()))
        serve();
}

void Daemon::serve() {
    settle_timer_.reset();
    if (leave_ || std::exchange(serving_, true))
        return;
    if (int r = sd_bus_request_name(bus_.get(), kBusName, 0); r < 0) {
        give_up(
            fail_errno(r, fmt::format("cannot take the bus name {}", kBusName)).error().message);
        return;
    }
    sd_notify(0, "READY=1");
    end_when_idle();
}

void Daemon::end_when_idle() {
    if (idle_usec_ == 0)
        return;
    auto idle_exit = IdleExit::watch(event_.get(), bus_.get(), idle_usec_, [this] {
        for (const auto &[name, vm] : registry_->vms())
            if (!vm->is_down() && vm->state() != "crashed")
                return true;
        return false;
    });
    if (idle_exit)
        idle_exit_ = std::move(*idle_exit);
    else
        log_line(SD_WARNING, idle_exit.error().message);
}

void Daemon::look_for_idleness() {
    if (idle_exit_)
        idle_exit_->look_again();
}

void Daemon::give_up(std::string_view why) {
    log_line(SD_ERR, why);
    sd_event_exit(event_.get(), EXIT_FAILURE);
}

int run(const std::vector<std::string> &arguments) {
    const auto options = parse_daemon_options(arguments);
    if (!options) {
        fmt::print(stderr, "qemunitd: {}\n", options.error().message);
        return 2;
    }
    if (options->mode == DaemonOptions::Mode::help) {
        fmt::print("{}", daemon_help());
        return EXIT_SUCCESS;
    }
    if (options->mode == DaemonOptions::Mode::version) {
        fmt::print("qemunitd {}\n", kVersion);
        return EXIT_SUCCESS;
    }
    mallopt(M_MMAP_THRESHOLD, kMmapThreshold);
    Paths paths = options->user ? user_paths() : Paths();
    if (!options->state.empty())
        paths.state = options->state;
    Daemon daemon(std::move(paths), options->idle_usec);
    if (auto started = daemon.start(); !started) {
        log_line(SD_ERR, started.error().message);
        return EXIT_FAILURE;
    }
    const int status = daemon.run();
    if (status == 0)
        return EXIT_SUCCESS;
    // sd_bus_set_exit_on_disconnect(3); the status is that of the connection with newer libsystemd.
    if (daemon.has_lost_bus())
        log_line(SD_NOTICE, "the bus has gone away; ends, to begin anew with the next one");
    else if (status < 0)
        log_line(SD_ERR, fmt::format("the event loop failed: {}", strerror(-status)));
    return EXIT_FAILURE;
}

}  // namespace
}  // namespace qemunit::bus

int main(int argc, char *argv[]) {
    return qemunit::bus::run({argv + 1, argv + argc});
}
