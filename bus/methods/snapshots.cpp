// SPDX-License-Identifier: MIT
//
// The snapshots of org.qemunit1.VM. QEMU makes them as jobs (qapi/migration.json), but in its main
// loop: other commands to that QEMU wait meanwhile, those to other VMs do not.
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bus/backup/backup_nodes.h"
#include "bus/methods/failed_load.h"
#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "bus/monitor/drive_size.h"
#include "bus/monitor/hot_drive.h"
#include "bus/monitor/snapshot_drives.h"
#include "bus/vms/command_run.h"
#include "common/bus_errors.h"
#include "common/concat.h"
#include "common/qmp/host_devices.h"
#include "common/qmp/hot_devices.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// The RAM of the guest goes to a disk, or comes from one.
constexpr uint64_t kSnapshotTimeout = 600 * kSecond;

void with_drives(const CallPtr &call, std::function<void(const SnapshotDrives &)> then) {
    ask(call, "query-block", nullptr, [call, then = std::move(then)](const json &devices) {
        if (has_backup_filter(devices))
            reply_error(*call, bus_error::kBusy,
                        "A backup of VM '" + call->vm_name +
                            "' is under way; its snapshots can be used when that has ended");
        else
            then(snapshot_drives(devices));
    });
}

constexpr std::string_view kNotSaved =
                               "whose state cannot be saved with the guest's: it can have no "
                               "snapshots",
                           kNotLoaded =
                               "which stays as it is now, and not as the guest of the snapshot "
                               "knows it: no snapshot can be loaded";

// "a processor", of a list of devices; "" if all were there at the start. A drive QEMU itself looks
// at, before it does anything.
std::string plugged_in(const json &children) {
    for (const auto &[id, type] : qom_children(children))
        if (hot_drive_name(id).empty())
            if (std::string text = hot_device_text(id); !text.empty())
                return text;
    return {};
}

// A machine whose devices QEMU has the state of. Of USB, QEMU itself would save a guest that had
// lost the device when it is loaded; of PCI, it does not say which device it is.
// What was plugged in is not in the machine of another start, and QEMU sees that of a snapshot when
// it has reverted the disks.
void with_whole_machine(const CallPtr &call, std::string_view why, std::function<void()> then) {
    const auto refuse = [call, why](const json &children) {
        const std::string devices = host_devices_in(children);
        if (!devices.empty())
            reply_error(*call, bus_error::kMonitor,
                        concat("VM '", call->vm_name, "' has ", devices,
                               " of the host ([HostDevice NAME]), ", why));
        const std::string plugged = devices.empty() ? plugged_in(children) : "";
        if (!plugged.empty())
            reply_error(*call, bus_error::kMonitor,
                        concat("VM '", call->vm_name, "' has got ", plugged,
                               " since it was started, which no other start has: it can make and "
                               "load no snapshot before its next one"));
        return !devices.empty() || !plugged.empty();
    };
    ask(call, "qom-list", {{"path", "/machine/peripheral"}},
        [call, refuse, then = std::move(then)](const json &named) {
            if (refuse(named))
                return;
            ask(call, "qom-list", {{"path", "/machine/peripheral-anon"}},
                [refuse, then](const json &others) {
                    if (!refuse(others))
                        then();
                });
        });
}

void start_job(const CallPtr &call, std::expected<SnapshotJob, std::string> job,
               VmMonitor::ReplyCallback done) {
    if (!job)
        return reply_error(*call, bus_error::kMonitor, job.error());
    if (const auto vm = call->vm.lock())
        vm->jobs().start(job->command, std::move(job->arguments), call->deadline, std::move(done));
    else
        done(std::unexpected(QmpError{QmpError::Kind::disconnected, "it is gone"}));
}

// The snapshot has stopped the guest and let it run again: State shall say so already.
void answer_snapshot(const CallPtr &call, const VmMonitor::Reply &reply) {
    if (reply)
        reply_with_state(call);
    else
        reply_error(*call, reply.error());
}

using JobMaker = decltype(&save_job);

using TagFault = std::string (*)(std::string_view tag);

std::string empty_tag_fault(std::string_view tag) {
    return tag.empty() ? "The tag of the snapshot is empty" : "";
}

// The tag that the call names; what is wrong with it is answered.
std::optional<std::string> read_tag(const Call &call, TagFault fault_of) {
    const char *tag = nullptr;
    if (!read_arguments(call, "s", &tag))
        return std::nullopt;
    if (const std::string fault = fault_of(tag); !fault.empty()) {
        reply_invalid(call, fault);
        return std::nullopt;
    }
    return tag;
}

void with_machine_to_save(const CallPtr &call, std::function<void()> then) {
    with_whole_machine(call, kNotSaved, std::move(then));
}

void with_any_machine(const CallPtr &, std::function<void()> then) {
    then();
}

int run_job(sd_bus_message *message, void *userdata, sd_bus_error *error, TagFault fault_of,
            const char *command, JobMaker make, decltype(&with_any_machine) with_machine) {
    return begin_call(message, userdata, {Action::control, command, kSnapshotTimeout}, error,
                      [fault_of, make, with_machine](const CallPtr &call) {
                          const auto tag = read_tag(*call, fault_of);
                          if (!tag)
                              return;
                          with_machine(call, [call, tag = *tag, make] {
                              with_drives(call, [call, tag, make](const SnapshotDrives &drives) {
                                  start_job(call, make(drives, call->vm_name, tag),
                                            [call](const VmMonitor::Reply &reply) {
                                                answer_snapshot(call, reply);
                                            });
                              });
                          });
                      });
}

int append_snapshots(sd_bus_message *reply, const std::vector<Snapshot> &snapshots) {
    int r = sd_bus_message_open_container(reply, 'a', "(stt)");
    for (const Snapshot &snapshot : snapshots)
        if (r >= 0)
            r = sd_bus_message_append(reply, "(stt)", snapshot.tag.c_str(), snapshot.vm_state_bytes,
                                      snapshot.usec);
    return r < 0 ? r : sd_bus_message_close_container(reply);
}

void answer_list(const CallPtr &call, const SnapshotDrives &drives) {
    sd_bus_message *raw = nullptr;
    if (sd_bus_message_new_method_return(call->message.get(), &raw) < 0)
        return;
    const MessagePtr reply = own_message(raw);
    if (append_snapshots(raw, drives.common()) < 0)
        return reply_error(*call, bus_error::kMonitor,
                           "The name of a snapshot cannot be sent over D-Bus");
    sd_bus_send(nullptr, raw, nullptr);
}

using DiskHold = std::shared_ptr<const std::string>;

// Otherwise the call is answered. QEMU loads one snapshot after the other.
DiskHold hold_disks_to_load(const CallPtr &call) {
    const auto vm = call->vm.lock();
    auto held = vm ? vm->hold_disks("a snapshot is being loaded", /*is_shared=*/true) : DiskHold();
    if (!held)
        reply_error(*call, bus_error::kBusy,
                    "No snapshot of VM '" + call->vm_name +
                        "' is loaded: " + (vm ? vm->disk_hold() : "the VM is gone"));
    return held;
}

// QEMU would revert the disks and reset the machine before it finds that it cannot load now. It
// gets both questions at once, and what follows as soon as it has answered.
void with_own_disks(const CallPtr &call, std::function<void()> then) {
    struct Migration {
        json value;
        std::optional<QmpError> refusal;
    };
    const auto migration = std::make_shared<Migration>();
    execute(call, "query-migrate", nullptr, [migration](const VmMonitor::Reply &reply) {
        if (reply)
            migration->value = *reply;
        else
            migration->refusal = reply.error();
    });
    ask(call, "query-status", nullptr,
        [call, migration, then = std::move(then)](const json &status) {
            if (migration->refusal)
                return reply_error(*call, *migration->refusal);
            const std::string why = migration_hold(status, migration->value);
            if (why.empty())
                return then();
            reply_error(*call, bus_error::kBusy,
                        concat("No snapshot of VM '", call->vm_name, "' is loaded: ", why));
        });
}

// What has changed since a backup is not known after that.
void load(const CallPtr &call, const DiskHold &held,
          const std::expected<SnapshotJob, std::string> &job) {
    if (!job)
        return reply_error(*call, bus_error::kMonitor, job.error());
    const auto forgotten = [call, held, job](const VmMonitor::Reply &reply_of_qemu) {
        if (!reply_of_qemu)
            return reply_error(*call, reply_of_qemu.error());
        with_own_disks(call, [call, held, job] {
            start_job(call, job, [call, held](const VmMonitor::Reply &reply) {
                if (reply || reply.error().error_class != QmpJobs::kJobFailed)
                    answer_snapshot(call, reply);
                else
                    answer_failed_load(call, reply.error().message);
            });
        });
    };
    with_own_disks(call,
                   [call, forgotten] { forget_checkpoints(call->vm, call->deadline, forgotten); });
}

int method_save_snapshot(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return run_job(message, userdata, error, tag_fault, "snapshot-save", save_job,
                   with_machine_to_save);
}

int method_load_snapshot(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::control, "snapshot-load", kSnapshotTimeout},
                      error, [](const CallPtr &call) {
                          const auto tag = read_tag(*call, empty_tag_fault);
                          if (!tag)
                              return;
                          const auto held = hold_disks_to_load(call);
                          if (!held)
                              return;
                          with_whole_machine(call, kNotLoaded, [call, held, tag = *tag] {
                              with_drives(call, [call, held, tag](const SnapshotDrives &drives) {
                                  load(call, held, load_job(drives, call->vm_name, tag));
                              });
                          });
                      });
}

int method_delete_snapshot(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return run_job(message, userdata, error, empty_tag_fault, "snapshot-delete", delete_job,
                   with_any_machine);
}

int method_list_snapshots(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(
        message, userdata, {Action::inspect, "query-block"}, error, [](const CallPtr &call) {
            with_drives(call, [call](const SnapshotDrives &drives) { answer_list(call, drives); });
        });
}

}  // namespace

const sd_bus_vtable kSnapshotMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("SaveSnapshot", SD_BUS_ARGS("s", tag), SD_BUS_NO_RESULT,
                            method_save_snapshot, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("LoadSnapshot", SD_BUS_ARGS("s", tag), SD_BUS_NO_RESULT,
                            method_load_snapshot, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("DeleteSnapshot", SD_BUS_ARGS("s", tag), SD_BUS_NO_RESULT,
                            method_delete_snapshot, kAnybody),
    SD_BUS_METHOD_WITH_ARGS("ListSnapshots", SD_BUS_NO_ARGS, SD_BUS_RESULT("a(stt)", snapshots),
                            method_list_snapshots, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
