// SPDX-License-Identifier: MIT
//
// BeginBackup, EndBackup and GetBackup of org.qemunit1.VM: all disks at one moment, for whoever has
// the socket to read by NBD. What is under way stands in QEMU alone (backup_nodes.h). A guest is
// never left stopped or frozen (guest_hold.h), and a backup ends when its caller leaves the bus.
#include <fmt/format.h>

#include <string>

#include "bus/methods/backup_begin.h"
#include "bus/methods/backup_end.h"
#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "common/bus_errors.h"

namespace qemunit::bus {

namespace {

void begin_backup_call(const CallPtr &call) {
    const char *since = nullptr;
    if (!read_arguments(*call, "s", &since))
        return;
    if (*since && !is_checkpoint_name(since))
        return reply_invalid(*call, fmt::format("'{}' is no checkpoint of a backup", since));
    begin_backup(call, since);
}

void end_backup_call(const CallPtr &call) {
    int is_kept = 0;
    if (!read_arguments(*call, "b", &is_kept))
        return;
    look_at_backup(call->vm, call->deadline,
                   [call, is_kept](const std::expected<BackupState, QmpError> &state) {
                       if (!state)
                           return reply_error(*call, state.error());
                       if (state->records.live.empty())
                           return reply_invalid(
                               *call,
                               fmt::format("No backup of VM '{}' is under way", call->vm_name));
                       end_backup(call->vm, call->deadline, is_kept != 0,
                                  [call](const VmMonitor::Reply &ended) {
                                      if (ended)
                                          reply_done(*call);
                                      else
                                          reply_error(*call, ended.error());
                                  });
                   });
}

int append_disks(sd_bus_message *reply, const std::vector<BackupRecord> &records) {
    int r = sd_bus_message_open_container(reply, 'a', "(sstb)");
    for (const BackupRecord &record : records)
        if (r >= 0)
            r = sd_bus_message_append(reply, "(sstb)", record.disk.name.c_str(),
                                      record.disk.format.c_str(), record.disk.size,
                                      int{!record.since.empty() && !record.disk.is_variables});
    return r < 0 ? r : sd_bus_message_close_container(reply);
}

void answer_backup(const Call &call, const BackupState &state) {
    const auto &records = state.records.live;
    sd_bus_message *raw = nullptr;
    if (sd_bus_message_new_method_return(call.message.get(), &raw) < 0)
        return;
    const MessagePtr reply = own_message(raw);
    const bool is_there = !records.empty();
    if (sd_bus_message_append(raw, "ssb", is_there ? records[0].checkpoint.c_str() : "",
                              is_there ? records[0].since.c_str() : "",
                              int{has_node(state.nodes, kQuietMark)}) < 0 ||
        append_disks(raw, records) < 0)
        return reply_error(call, bus_error::kMonitor, "what QEMU says cannot be sent over D-Bus");
    sd_bus_send(nullptr, raw, nullptr);
}

int method_begin_backup(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::monitor, "backup"}, error, begin_backup_call);
}

int method_end_backup(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::monitor, "backup"}, error, end_backup_call);
}

int method_get_backup(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::inspect, "query-fdsets"}, error,
                      [](const CallPtr &call) {
                          look_at_backup(call->vm, call->deadline, [call](const auto &state) {
                              if (state)
                                  answer_backup(*call, *state);
                              else
                                  reply_error(*call, state.error());
                          });
                      });
}

}  // namespace

const sd_bus_vtable kBackupMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("BeginBackup", SD_BUS_ARGS("s", since),
                            SD_BUS_RESULT("h", nbd, "s", checkpoint), method_begin_backup,
                            kAnybody),
    SD_BUS_METHOD_WITH_ARGS("EndBackup", SD_BUS_ARGS("b", keep), SD_BUS_NO_RESULT,
                            method_end_backup, kAnybody),
    SD_BUS_METHOD_WITH_ARGS(
        "GetBackup", SD_BUS_NO_ARGS,
        SD_BUS_RESULT("s", checkpoint, "s", since, "b", quiet, "a(sstb)", disks), method_get_backup,
        kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
