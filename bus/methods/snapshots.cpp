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
#include "bus/monitor/snapshot_drives.h"
#include "bus/vms/command_run.h"
#include "common/bus_errors.h"

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

int run_job(sd_bus_message *message, void *userdata, sd_bus_error *error, TagFault fault_of,
            const char *command, JobMaker make) {
    return begin_call(
        message, userdata, {Action::control, command, kSnapshotTimeout}, error,
        [fault_of, make](const CallPtr &call) {
            const auto tag = read_tag(*call, fault_of);
            if (!tag)
                return;
            with_drives(call, [call, tag = *tag, make](const SnapshotDrives &drives) {
                start_job(call, make(drives, call->vm_name, tag),
                          [call](const VmMonitor::Reply &reply) { answer_snapshot(call, reply); });
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

// What has changed since a backup is not known after that.
void load(const CallPtr &call, const DiskHold &held,
          const std::expected<SnapshotJob, std::string> &job) {
    if (!job)
        return reply_error(*call, bus_error::kMonitor, job.error());
    const auto forgotten = [call, held, job](const VmMonitor::Reply &reply_of_qemu) {
        if (!reply_of_qemu)
            return reply_error(*call, reply_of_qemu.error());
        start_job(call, job, [call, held](const VmMonitor::Reply &reply) {
            if (reply || reply.error().error_class != QmpJobs::kJobFailed)
                answer_snapshot(call, reply);
            else
                answer_failed_load(call, reply.error().message);
        });
    };
    forget_checkpoints(call->vm, call->deadline, forgotten);
}

int method_save_snapshot(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return run_job(message, userdata, error, tag_fault, "snapshot-save", save_job);
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
                          with_drives(call, [call, held, tag = *tag](const SnapshotDrives &drives) {
                              load(call, held, load_job(drives, call->vm_name, tag));
                          });
                      });
}

int method_delete_snapshot(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return run_job(message, userdata, error, empty_tag_fault, "snapshot-delete", delete_job);
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
