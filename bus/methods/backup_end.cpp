// SPDX-License-Identifier: MIT
#include "bus/methods/backup_end.h"

#include <utility>

#include "common/bus_call.h"
#include "common/timer.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

constexpr uint64_t kNextTry = 10 * kSecond;

QmpError vm_is_lost() {
    return {QmpError::Kind::disconnected, "it is gone"};
}

// Ends the backup when its caller leaves the bus.
class Owner : public std::enable_shared_from_this<Owner> {
  public:
    static std::shared_ptr<Owner> watch(sd_bus *bus, const std::string &name,
                                        const std::weak_ptr<Vm> &vm) {
        auto owner = std::make_shared<Owner>(vm, sd_bus_get_event(bus));
        sd_bus_track *track = nullptr;
        if (sd_bus_track_new(
                bus, &track,
                [](sd_bus_track *, void *userdata) {
                    static_cast<Owner *>(userdata)->leave();
                    return 1;  // after 0, sd-bus would call again
                },
                owner.get()) < 0)
            return nullptr;
        owner->track_.reset(track);
        return sd_bus_track_add_name(track, name.c_str()) < 0 ? nullptr : owner;
    }
    Owner(std::weak_ptr<Vm> vm, sd_event *event) : vm_(std::move(vm)), event_(event) {}
    Owner(const Owner &) = delete;
    Owner &operator=(const Owner &) = delete;

    // Again and again, if QEMU is busy: without an end, the guest's writes fill the scratch file.
    void leave() {
        end_backup(vm_, monotonic_now(event_) + kBackupEndTimeout, /*is_kept=*/false,
                   [weak = weak_from_this()](const VmMonitor::Reply &reply) {
                       const auto owner = weak.lock();
                       if (!owner || reply)
                           return;
                       if (auto timer = start_timer(
                               owner->event_, monotonic_now(owner->event_) + kNextTry, [weak] {
                                   if (const auto same_owner = weak.lock())
                                       same_owner->leave();
                               }))
                           owner->next_try_ = std::move(*timer);
                   });
    }

  private:
    struct TrackDeleter {
        void operator()(sd_bus_track *track) const { sd_bus_track_unref(track); }
    };

    std::weak_ptr<Vm> vm_;
    sd_event *event_;
    std::unique_ptr<sd_bus_track, TrackDeleter> track_;
    EventSourcePtr next_try_;
};

std::vector<BackupDisk> disks_now(const BackupState &state) {
    return backup_disks(state.devices).value_or(std::vector<BackupDisk>{});
}

// `end` calls what it gets when it is through.
void in_turn(const std::weak_ptr<Vm> &weak, const Report &done,
             const std::function<void(const Report &)> &end) {
    const auto vm = weak.lock();
    if (!vm)
        return done(std::unexpected(vm_is_lost()));
    vm->queue_backup_end([=] {
        end([=](const VmMonitor::Reply &reply) {
            if (const auto same_vm = weak.lock())
                same_vm->finish_backup_end();
            done(reply);
        });
    });
}

void look_at_rest(const std::weak_ptr<Vm> &weak, uint64_t deadline, const Report &ended) {
    look_at_backup(weak, deadline, [=](const std::expected<BackupState, QmpError> &after) {
        if (after && !after->records.live.empty())
            return ended(std::unexpected(
                QmpError{QmpError::Kind::monitor,
                         "QEMU still has parts of the backup, which the next one takes away"}));
        ended(after ? VmMonitor::Reply(json::object()) : std::unexpected(after.error()));
    });
}

void end_live(const std::weak_ptr<Vm> &weak, uint64_t deadline, const BackupState &state,
              bool is_kept, const Report &ended) {
    const auto vm = weak.lock();
    if (!vm)
        return ended(std::unexpected(vm_is_lost()));
    vm->keep_backup(nullptr);
    if (state.records.live.empty())
        return ended(json::object());
    run_commands(weak, end_commands(state.records.live, disks_now(state), is_kept),
                 OnRefusal::go_on, deadline, [=](const VmMonitor::Reply &reply) {
                     if (reply)
                         look_at_rest(weak, deadline, ended);
                     else
                         ended(reply);
                 });
}

// Alone, as an end is, so that a call of BeginBackup finds it as it was, or done with. One that has
// found it as well sees to it itself.
void take_up_in_turn(sd_bus *bus, const std::weak_ptr<Vm> &weak, const Report &ended) {
    const uint64_t deadline = monotonic_now(sd_bus_get_event(bus)) + kBackupEndTimeout;
    look_at_backup(weak, deadline, [=](const std::expected<BackupState, QmpError> &state) {
        const auto vm = weak.lock();
        if (!state || !vm)
            return ended(std::unexpected(state ? vm_is_lost() : state.error()));
        if (state->records.live.empty() || vm->has_backup())
            return ended(json::object());
        const std::string &caller = state->records.live[0].caller;
        look_for_caller(bus, caller, [=, state = *state](std::optional<bool> is_there) {
            const auto same_vm = weak.lock();
            if (!same_vm || !is_there)
                return ended(std::unexpected(vm_is_lost()));
            if (same_vm->has_backup() || (*is_there && watch_backup_caller(bus, caller, same_vm)))
                return ended(json::object());
            end_live(weak, deadline, state, /*is_kept=*/false, ended);
        });
    });
}

}  // namespace

void look_at_backup(const std::weak_ptr<Vm> &weak, uint64_t deadline,
                    const std::function<void(std::expected<BackupState, QmpError>)> &then) {
    const auto vm = weak.lock();
    if (!vm)
        return then(std::unexpected(vm_is_lost()));
    const auto state = std::make_shared<BackupState>();
    const auto fail_with = [then](const VmMonitor::Reply &reply) {
        then(std::unexpected(reply.error()));
    };
    // Their answers come in this order.
    vm->execute("query-named-block-nodes", {{"flat", true}}, deadline,
                [state](const VmMonitor::Reply &nodes) {
                    if (nodes)
                        state->nodes = *nodes;
                });
    vm->execute("query-block", nullptr, deadline, [state](const VmMonitor::Reply &devices) {
        if (devices)
            state->devices = *devices;
    });
    vm->execute("query-fdsets", nullptr, deadline,
                [state, fail_with, then](const VmMonitor::Reply &sets) {
                    if (!sets)
                        return fail_with(sets);
                    state->records = backup_records(*sets, state->nodes);
                    then(std::move(*state));
                });
}

void take_apart(const std::weak_ptr<Vm> &weak, uint64_t deadline,
                const std::vector<BackupRecord> &records, const Report &done) {
    in_turn(weak, done, [=](const Report &ended) {
        look_at_backup(weak, deadline, [=](const std::expected<BackupState, QmpError> &state) {
            if (!state)
                return ended(std::unexpected(state.error()));
            run_commands(weak, end_commands(records, disks_now(*state), /*is_kept=*/false),
                         OnRefusal::go_on, deadline, ended);
        });
    });
}

void end_backup(const std::weak_ptr<Vm> &weak, uint64_t deadline, bool is_kept,
                const Report &done) {
    in_turn(weak, done, [=](const Report &ended) {
        look_at_backup(weak, deadline, [=](const std::expected<BackupState, QmpError> &state) {
            if (!state)
                return ended(std::unexpected(state.error()));
            end_live(weak, deadline, *state, is_kept, ended);
        });
    });
}

void look_for_caller(sd_bus *bus, const std::string &caller,
                     std::function<void(std::optional<bool>)> told) {
    const auto question =
        new_method_call(bus, kBusDaemon, "/org/freedesktop/DBus", kBusDaemon, "NameHasOwner");
    if (question)
        sd_bus_message_append(question->get(), "s", caller.c_str());
    call_and_forget(bus, question, [told = std::move(told)](sd_bus_message *reply) {
        int has_owner = 0;
        if (!reply || sd_bus_message_read(reply, "b", &has_owner) < 0)
            return told(std::nullopt);
        told(has_owner != 0);
    });
}

// Again and again, if QEMU is busy: without an end, the guest's writes fill the scratch file.
void take_up_backup(sd_bus *bus, const std::weak_ptr<Vm> &weak) {
    const auto try_again = [=](const VmMonitor::Reply &taken) {
        const auto vm = weak.lock();
        if (taken || !vm || !vm->can_execute())
            return;
        sd_event *event = sd_bus_get_event(bus);
        if (auto timer = start_timer(event, monotonic_now(event) + kNextTry,
                                     [=] { take_up_backup(bus, weak); }))
            vm->keep_backup_look(std::move(*timer));
    };
    in_turn(weak, try_again, [=](const Report &ended) { take_up_in_turn(bus, weak, ended); });
}

bool watch_backup_caller(sd_bus *bus, const std::string &caller, const std::shared_ptr<Vm> &vm) {
    auto owner = Owner::watch(bus, caller, vm);
    if (!owner)
        return false;
    const std::weak_ptr<Owner> weak = owner;
    vm->keep_backup(std::move(owner), [weak] {
        if (const auto kept = weak.lock())
            kept->leave();
    });
    return true;
}

}  // namespace qemunit::bus
