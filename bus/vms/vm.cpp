// SPDX-License-Identifier: MIT
#include "bus/vms/vm.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "bus/monitor/drive_release.h"
#include "bus/vms/guest_hold.h"
#include "bus/vms/vm_state.h"
#include "common/qmp/events.h"
#include "common/shared_names.h"
#include "common/timer.h"
#include "common/unique_fd.h"
#include "common/vm_name.h"

namespace qemunit::bus {

namespace {

// Bytes of events that one VM may put on the bus in a second. A guest can make QEMU
// send events as fast as it likes (pvpanic with panic=none); the bus belongs to all.
constexpr std::size_t kEventBytesPerSecond = 1u << 20;
constexpr std::size_t kEventOverhead = 256;

constexpr uint64_t kCleanUpTimeout = 20 * kSecond;

// Also of a process that nobody has waited for yet.
bool has_ended(uint32_t process) {
    const UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
    if (!fd)
        return errno == ESRCH;
    pollfd ended{.fd = fd.get(), .events = POLLIN, .revents = 0};
    return poll(&ended, 1, 0) > 0;
}

}  // namespace

Vm::Vm(sd_event *event, const Paths &paths, std::string name, const VmObserver &observer)
    : event_(event),
      paths_(paths),
      name_(std::move(name)),
      observer_(observer),
      monitor_(event, paths_.socket_path(name_, "control"),
               {.refreshed =
                    [this] {
                        update();
                        take_up_connection();
                        observer_.refreshed(*this);
                    },
                .event = [this](const QmpEvent &qmp_event) { take_event(qmp_event); },
                .violated = [this](const std::string &how) { observer_.violated(*this, how); },
                .lost =
                    [this](const std::string &reason) {
                        jobs_.fail_all(reason);
                        waits_.fail_all(reason);
                        input_.fail_all(reason);
                        sessions_.end_all();
                        keep_backup(nullptr);
                        keep_guest_held({});
                        keep_backup_look({});
                        is_connection_new_ = true;
                    },
                .has_ended =
                    [this] {
                        return main_pid_ != 0 && has_ended(main_pid_);
                    }}),
      jobs_(event, monitor_),
      waits_(event),
      input_(event, monitor_),
      sessions_(event, monitor_) {}

std::string Vm::unit() const {
    return service_unit(name_);
}

// The sockets are only looked at: to connect might boot the VM.
std::map<std::string, std::string> Vm::sockets() const {
    namespace fs = std::filesystem;
    std::map<std::string, std::string> sockets;
    std::error_code error;
    const fs::path dir = paths_.socket_dir(name_);
    for (fs::directory_iterator entry(dir, error), end; !error && entry != end;
         entry.increment(error)) {
        std::error_code ignored;
        if (entry->path().extension() == ".sock" && entry->is_socket(ignored))
            sockets.emplace(entry->path().stem(), entry->path());
    }
    return sockets;
}

void Vm::set_active_state(std::string_view active_state) {
    if (active_state == active_state_)
        return;
    active_state_ = active_state;
    // A machine with a backup under way could not be saved (helper/lifecycle/hibernation.h).
    if (active_state_ == "deactivating" && end_backup_)
        std::exchange(end_backup_, {})();
    follow_unit();
    update();
}

void Vm::set_main_pid(uint32_t main_pid) {
    if (std::exchange(main_pid_, main_pid) == main_pid)
        return;
    follow_unit();
    observer_.changed(*this, "MainPID");
}

void Vm::follow_unit() {
    next_try_.reset();
    if (!is_up()) {
        monitor_.close("the VM is " + vm_state(active_state_, ""));
    } else if (active_state_ == "deactivating") {
        // A VM that stops is not connected to again: its QEMU may be gone already. A VM that had
        // not even started is not connected to at all: while its socket unit still listens, systemd
        // takes a connection for a wish to start the VM, and cancels the stop.
        if (monitor_.is_wanted())
            monitor_.open(/*persist=*/false);
    } else if (active_state_ == "activating" && !monitor_.is_wanted()) {
        // For the same reason, a VM that starts is connected to only if the start takes longer, as
        // with Ready= in its ini.
        if (auto timer = start_timer(event_, monotonic_now(event_) + kSecond,
                                     [this] { monitor_.open(/*persist=*/true); }))
            next_try_ = std::move(*timer);
    } else {
        monitor_.open(/*persist=*/true);
    }
}

void Vm::set_configured(const ConfiguredVm &configured) {
    const ConfiguredVm before = std::exchange(configured_, configured);
    if (before.source_path != configured_.source_path)
        observer_.changed(*this, "SourcePath");
    if (before.errors != configured_.errors)
        observer_.changed(*this, "Errors");
    update();
}

void Vm::look_at_files() {
    if (is_down())
        update();
}

bool Vm::is_up() const {
    return is_unit_up(active_state_, main_pid_ != 0);
}

std::optional<std::string> Vm::refusal() {
    if (next_try_) {  // somebody wants it now
        next_try_.reset();
        monitor_.open(/*persist=*/true);
    }
    if (can_execute())
        return std::nullopt;
    const std::string vm = "VM '" + name_ + "' ", systemctl(paths_.systemctl());
    if (active_state_ == "activating")
        return vm + "is starting, and its QEMU not reachable yet";
    if (state_ == "broken")
        return vm + "does not start: " + configured_.errors.front();
    if (active_state_ == "failed")
        return vm + "has crashed; see: " + systemctl + " status " + unit();
    if (is_up())
        return vm + "is " + state_ + ", and QEMU cannot be reached any more";
    return vm + "is " + (is_hibernated_ ? "hibernated" : "off") + "; start it with: " + systemctl +
           " start qemu@" + name_;
}

void Vm::update() {
    // For a VM whose folder the daemon may not look into, this is false.
    is_hibernated_ =
        is_down() && access(hibernation_path_in(paths_.state_dir(name_)).c_str(), F_OK) == 0;
    std::string state =
        vm_state(active_state_, monitor_.status(),
                 {.is_broken = !configured_.errors.empty(), .is_hibernated = is_hibernated_});
    if (std::exchange(state_, state) != state)
        observer_.changed(*this, "State");
    if (std::exchange(qemu_version_, monitor_.version()) != qemu_version_)
        observer_.changed(*this, "QEMUVersion");
}

void Vm::queue_backup_end(std::function<void()> end) {
    backup_ends_.push_back(std::move(end));
    if (backup_ends_.size() == 1)
        std::function(backup_ends_.front())();
}

void Vm::finish_backup_end() {
    backup_ends_.pop_front();
    if (!backup_ends_.empty())
        std::function(backup_ends_.front())();
}

std::shared_ptr<const std::string> Vm::hold_disks(std::string why, bool is_shared) {
    if (const auto held = disk_hold_.lock())
        return is_shared && *held == why ? held : nullptr;
    const auto held = std::make_shared<const std::string>(std::move(why));
    disk_hold_ = held;
    return held;
}

std::string Vm::disk_hold() const {
    const auto held = disk_hold_.lock();
    return held ? *held : std::string();
}

// A qemunitd that was killed, or lost the connection, may have left the guest stopped or frozen.
void Vm::take_up_connection() {
    if (!std::exchange(is_connection_new_, false) || !is_up())
        return;
    let_guest_go(shared_from_this(), event_, [](const std::string &) {});
    observer_.connected(*this);
}

void Vm::take_event(const QmpEvent &event) {
    ++events_[find_event_kind(event.name) ? event.name : "other"];
    jobs_.take_event(event);
    sessions_.take_event(event);
    if (!waits_.take_event(event))
        clean_up_after(event);
    const std::string data = json_text(event.data);
    if (spend(kEventOverhead + data.size()))
        observer_.event(*this, event, data);
}

std::shared_ptr<const void> Vm::claim_device(const std::string &id) {
    std::erase_if(claimed_devices_, [](const auto &claim) { return claim.second.expired(); });
    if (claimed_devices_.contains(id))
        return nullptr;
    const std::shared_ptr<const void> claim = std::make_shared<const std::string>(id);
    claimed_devices_[id] = claim;
    return claim;
}

// The guest has let go of a device, and no caller waits for that, or none does any more.
void Vm::clean_up_after(const QmpEvent &event) {
    if (const std::string device = string_at(event.data, "device");
        event.name == "DEVICE_DELETED" && device.starts_with(kHotNetworkIds))
        monitor_.execute("netdev_del", {{"id", device}}, monotonic_now(event_) + kCleanUpTimeout,
                         [](const VmMonitor::Reply &) {});
    if (const std::string drive = drive_let_go(event); !drive.empty())
        release_drive(monitor_, drive, monotonic_now(event_) + kCleanUpTimeout,
                      [](const VmMonitor::Reply &) {});
}

bool Vm::spend(std::size_t bytes) {
    if (const uint64_t now = monotonic_now(event_); now >= budget_until_) {
        budget_until_ = now + kSecond;
        budget_ = kEventBytesPerSecond;
    }
    if (bytes > budget_)
        return false;
    budget_ -= bytes;
    return true;
}

}  // namespace qemunit::bus
