// SPDX-License-Identifier: MIT
//
// One VM as the bus sees it: what systemd says of its unit, joined with what QEMU says of itself. A
// Vm is connected to QEMU only while the unit is up.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bus/monitor/event_waits.h"
#include "bus/monitor/input_queue.h"
#include "bus/monitor/qmp_jobs.h"
#include "bus/monitor/shared_look.h"
#include "bus/monitor/vm_monitor.h"
#include "bus/sessions/monitor_sessions.h"
#include "bus/vms/configured_vms.h"
#include "common/event_ptr.h"
#include "common/paths.h"

namespace qemunit::bus {

class Vm;

// Callbacks for changes of VMs; every one must be set.
struct VmObserver {
    std::function<void(Vm &)> added;
    std::function<void(Vm &)> removed;  // still there during the call
    std::function<void(Vm &, const char *property)> changed;
    std::function<void(Vm &, const QmpEvent &, const std::string &data)> event;
    std::function<void(Vm &)> connected;  // to a QEMU that was not known before, or not any more
    std::function<void(Vm &)> refreshed;  // systemd or QEMU has answered, be it news or not
    std::function<void(Vm &, const std::string &how)> violated;  // QEMU broke QMP's rules
};

// Shared, so that a call that is being answered can tell whether its VM is still there.
class Vm : public std::enable_shared_from_this<Vm> {
  public:
    // `paths` and `observer` outlive the VM.
    Vm(sd_event *event, const Paths &paths, std::string name, const VmObserver &observer);
    Vm(const Vm &) = delete;
    Vm &operator=(const Vm &) = delete;

    // The properties of org.qemunit1.VM.
    const Paths &paths() const { return paths_; }
    const std::string &name() const { return name_; }
    const std::string &state() const { return state_; }
    std::string unit() const;
    const std::string &source_path() const { return configured_.source_path; }
    // The errors of the VM's ini.
    const std::vector<std::string> &errors() const { return configured_.errors; }
    uint32_t main_pid() const { return main_pid_; }
    const std::string &qemu_version() const { return qemu_version_; }
    std::map<std::string, std::string> sockets() const;

    // From systemd.
    void set_active_state(std::string_view active_state);
    void set_main_pid(uint32_t main_pid);
    void set_configured(const ConfiguredVm &configured);
    // Looks whether the VM has been hibernated, or its saved state was removed.
    void look_at_files();

    bool is_up() const;
    // Neither does it start nor stop.
    bool is_running() const {
        return is_up() && active_state_ != "activating" && active_state_ != "deactivating";
    }
    bool is_starting() const { return active_state_ == "activating"; }
    // Nor is it about to be.
    bool is_down() const { return active_state_ == "inactive" || active_state_ == "failed"; }
    // QEMU has told its status, or there is no QEMU to tell it.
    bool is_settled() const { return !is_up() || !monitor_.status().empty(); }

    // Whether a QMP command can be given as things are. Changes nothing, as refusal() may.
    bool can_execute() const { return is_up() && monitor_.is_open(); }
    // Why no QMP command can be given, for people; nothing if one can.
    std::optional<std::string> refusal();

    // See VmMonitor::execute(). Only when there is no refusal().
    void execute(std::string_view command, nlohmann::json arguments, uint64_t deadline,
                 VmMonitor::ReplyCallback callback, UniqueFd fd = {}) {
        monitor_.execute(command, std::move(arguments), deadline, std::move(callback),
                         std::move(fd));
    }
    QmpJobs &jobs() { return jobs_; }
    EventWaits &waits() { return waits_; }
    VmMonitor &monitor() { return monitor_; }
    // How many of each kind QEMU has sent since this object is, "other" for what events.h does not
    // know.
    const std::map<std::string, uint64_t> &events() const { return events_; }
    InputQueue &input() { return input_; }
    MonitorSessions &sessions() { return sessions_; }
    // What the companion is asked by whoever may inspect the VM.
    SharedLook &look_at_move() { return *look_at_move_; }
    // To be held by who has a connection to the companion. Null if there are as many as shall be,
    // so that some are left for others, such as the unit that brings a USB device.
    std::shared_ptr<const void> take_companion_place() {
        return companion_place_.use_count() <= kCompanionPlaces ? companion_place_ : nullptr;
    }

    // Whatever has to be kept for as long as the VM's backup is under way, and QEMU reachable.
    // `end`: what ends it when the VM is about to stop.
    void keep_backup(std::shared_ptr<void> backup, std::function<void()> end = {}) {
        backup_ = std::move(backup);
        if (!backup_)
            scratch_room_ = nullptr;
        end_backup_ = std::move(end);
    }
    // Until then, what its scratch files may take (bus/backup/scratch_room.h).
    void keep_scratch_room(std::shared_ptr<void> room) { scratch_room_ = std::move(room); }
    bool has_backup() const { return backup_ != nullptr; }
    // What takes a backup apart runs alone: QEMU aborts when a device is given the disk that it has
    // (bdrv_replace_child_noperm() in block.c). Each ends with finish_backup_end().
    void queue_backup_end(std::function<void()> end);
    void finish_backup_end();

    // The timer of whoever looks again for the owner of a backup that another qemunitd has begun.
    void keep_backup_look(EventSourcePtr next_look) { next_backup_look_ = std::move(next_look); }
    // The timer of whoever tries again to let go of a guest that a backup has stopped or frozen.
    void keep_guest_held(EventSourcePtr next_try) { next_release_ = std::move(next_try); }

    // Held by a call that counts on its disks staying as it has found them, or changes them: of two
    // that have asked for the size of a drive at once, the later could make it smaller again. `why`
    // is for people: "a snapshot is being loaded". Null if a call of another kind holds them, or if
    // none of the same kind may be beside it.
    std::shared_ptr<const std::string> hold_disks(std::string why, bool is_shared = false);
    // Why they are held, "" if they are not.
    std::string disk_hold() const;

    // Keeps a device that comes or goes to one call, for as long as that has what is returned; null
    // if another one has it.
    std::shared_ptr<const void> claim_device(const std::string &id);

  private:
    // Of the eight that it has (helper/companion/request_server.cpp), one is for looks.
    static constexpr long kCompanionPlaces = 5;

    void follow_unit();
    void update();
    void take_up_connection();
    void take_event(const QmpEvent &event);
    void clean_up_after(const QmpEvent &event);
    bool spend(std::size_t bytes);

    sd_event *event_;
    const Paths &paths_;
    std::string name_;
    const VmObserver &observer_;
    std::string active_state_ = "inactive";
    std::string state_ = "off";
    ConfiguredVm configured_;
    bool is_hibernated_ = false;
    uint32_t main_pid_ = 0;
    std::string qemu_version_;
    uint64_t budget_until_ = 0;
    std::size_t budget_ = 0;
    std::map<std::string, uint64_t> events_;
    VmMonitor monitor_;
    EventSourcePtr next_try_;  // to connect to a VM that starts
    QmpJobs jobs_;
    EventWaits waits_;
    InputQueue input_;
    MonitorSessions sessions_;
    std::shared_ptr<SharedLook> look_at_move_ = std::make_shared<SharedLook>();
    std::shared_ptr<const void> companion_place_ = std::make_shared<int>();
    std::shared_ptr<void> backup_, scratch_room_;
    std::function<void()> end_backup_;
    std::deque<std::function<void()>> backup_ends_;  // the first one is under way
    std::weak_ptr<const std::string> disk_hold_;
    std::map<std::string, std::weak_ptr<const void>> claimed_devices_;
    EventSourcePtr next_release_, next_backup_look_;
    bool is_connection_new_ = true;
};

}  // namespace qemunit::bus
