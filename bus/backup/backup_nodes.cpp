// SPDX-License-Identifier: MIT
#include "bus/backup/backup_nodes.h"

#include <fmt/format.h>

#include <algorithm>

#include "bus/monitor/members.h"
#include "common/drive_nodes.h"
#include "common/qmp/backup_nodes.h"
#include "common/qmp/qmp_client.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

constexpr std::string_view kRecord = "qemunit-backup ";

// Checkpoints that a disk knows at most: of as many places where backups are kept.
constexpr std::size_t kCheckpointsMost = 8;

std::string backup_node(const BackupRecord &record, std::string_view part) {
    return fmt::format("{}{}-{}", kBackupNodes, record.index, part);
}

std::string scratch_file(const BackupRecord &record) {
    return backup_node(record, "file");
}

// Of UEFI variables, the file is the image.
std::string scratch(const BackupRecord &record) {
    return record.disk.is_variables ? scratch_file(record) : backup_node(record, "scratch");
}

// What is exported.
std::string view(const BackupRecord &record) {
    return record.disk.is_variables ? scratch_file(record) : backup_node(record, "view");
}

json transaction_action(const char *type, json data) {
    return {{"type", type}, {"data", std::move(data)}};
}

json set_drive(const BackupRecord &record, const std::string &to) {
    return {{"path", record.disk.device}, {"property", "drive"}, {"value", to}};
}

void add_forgotten(QmpCommands &commands, const BackupDisk &disk, const std::string &checkpoint) {
    commands.push_back({"block-dirty-bitmap-remove",
                        {{"node", disk.node}, {"name", checkpoint_bitmap(checkpoint)}}});
}

}  // namespace

std::string filter_node(const BackupRecord &record) {
    return backup_node(record, "filter");
}

std::string record_text(const BackupRecord &record) {
    return fmt::format("{}{}", kRecord,
                       json_text({{"index", record.index},
                                  {"name", record.disk.name},
                                  {"node", record.disk.node},
                                  {"device", record.disk.device},
                                  {"format", record.disk.format},
                                  {"size", record.disk.size},
                                  {"variables", record.disk.is_variables},
                                  {"keeps", record.disk.keeps_checkpoints},
                                  {"checkpoint", record.checkpoint},
                                  {"since", record.since},
                                  {"caller", record.caller}}));
}

BackupRecords backup_records(const json &fd_sets, const json &named_nodes) {
    BackupRecords records;
    if (!fd_sets.is_array())
        return records;
    for (const json &set : fd_sets) {
        const auto fds = set.is_object() ? set.find("fds") : set.end();
        if (!set.is_object() || fds == set.end() || !fds->is_array() || fds->empty() ||
            !fds->front().is_object())
            continue;
        const std::string opaque = string_at(fds->front(), "opaque");
        if (!opaque.starts_with(kRecord))
            continue;
        const json text = parse_json(opaque.substr(kRecord.size()));
        if (!text.is_object())
            continue;
        BackupRecord record{.disk = {.name = string_at(text, "name"),
                                     .node = string_at(text, "node"),
                                     .device = string_at(text, "device"),
                                     .format = string_at(text, "format"),
                                     .size = json_number(text, "size"),
                                     .is_variables = json_flag(text, "variables"),
                                     .keeps_checkpoints = json_flag(text, "keeps")},
                            .index = static_cast<unsigned>(json_number(text, "index")),
                            .checkpoint = string_at(text, "checkpoint"),
                            .since = string_at(text, "since"),
                            .caller = string_at(text, "caller")};
        if (const auto id = set.find("fdset-id"); id != set.end() && id->is_number_integer())
            record.fd_set = id->get<int64_t>();
        (has_node(named_nodes, scratch_file(record)) ? records.live : records.left)
            .push_back(std::move(record));
    }
    std::ranges::sort(records.live, {}, &BackupRecord::index);
    return records;
}

QmpCommands surplus_commands(const std::vector<BackupDisk> &disks, std::string_view since) {
    QmpCommands commands;
    for (const BackupDisk &disk : disks) {
        for (const std::string &broken : disk.broken)
            add_forgotten(commands, disk, broken);
        const std::size_t count = disk.checkpoints.size();
        for (std::size_t i = 0; i + kCheckpointsMost <= count; ++i)
            if (disk.checkpoints[i] != since)
                add_forgotten(commands, disk, disk.checkpoints[i]);
    }
    return commands;
}

QmpCommands forget_commands(const std::vector<BackupDisk> &disks) {
    QmpCommands commands;
    for (const BackupDisk &disk : disks) {
        for (const std::string &checkpoint : disk.checkpoints)
            add_forgotten(commands, disk, checkpoint);
        for (const std::string &broken : disk.broken)
            add_forgotten(commands, disk, broken);
    }
    return commands;
}

bool has_backup_filter(const json &query_block) {
    return query_block.is_array() && std::ranges::any_of(query_block, [](const json &device) {
               const json *inserted = json_member(device, "inserted");
               return inserted && string_at(*inserted, "node-name").starts_with(kBackupNodes);
           });
}

json scratch_file_arguments(const BackupRecord &record, uint64_t limit) {
    // The format raw with a size lets nobody write behind it, and says ENOSPC (block/raw-format.c
    // of QEMU).
    return {{"driver", "raw"},
            {"node-name", scratch_file(record)},
            {"size", limit},
            {"file",
             {{"driver", "file"},
              {"filename", fd_set_path(static_cast<unsigned>(record.fd_set.value_or(0)))}}}};
}

json create_scratch_arguments(const BackupRecord &record) {
    return {{"options",
             {{"driver", "qcow2"}, {"file", scratch_file(record)}, {"size", record.disk.size}}}};
}

json scratch_arguments(const BackupRecord &record) {
    return {{"driver", "qcow2"}, {"node-name", scratch(record)}, {"file", scratch_file(record)}};
}

std::string variables_job(const BackupRecord &record) {
    return backup_node(record, "job");
}

QmpCommands moment_commands(const std::vector<BackupRecord> &records) {
    json actions = json::array();
    QmpCommands filters;
    for (const BackupRecord &record : records) {
        const std::string &image = record.disk.node;
        if (record.disk.is_variables) {
            actions.push_back(
                transaction_action("blockdev-backup", {{"job-id", variables_job(record)},
                                                       {"device", image},
                                                       {"target", scratch(record)},
                                                       {"sync", "full"}}));
            continue;
        }
        actions.push_back(transaction_action("block-dirty-bitmap-add",
                                             {{"node", image},
                                              {"name", checkpoint_bitmap(record.checkpoint)},
                                              {"persistent", record.disk.keeps_checkpoints}}));
        if (!record.since.empty()) {
            // A copy: the checkpoint before goes on to know everything since then, for the case
            // that this backup comes to nothing.
            actions.push_back(transaction_action(
                "block-dirty-bitmap-add",
                {{"node", image}, {"name", kChangedBitmap}, {"disabled", true}}));
            actions.push_back(
                transaction_action("block-dirty-bitmap-merge",
                                   {{"node", image},
                                    {"target", kChangedBitmap},
                                    {"bitmaps", json::array({checkpoint_bitmap(record.since)})}}));
        }
        filters.push_back({"blockdev-add",
                           {{"driver", "copy-before-write"},
                            {"node-name", filter_node(record)},
                            {"file", image},
                            {"target", scratch(record)},
                            {"on-cbw-error", "break-snapshot"}}});
        filters.push_back({"qom-set", set_drive(record, filter_node(record))});
    }
    QmpCommands commands{{"transaction", {{"actions", std::move(actions)}}}};
    std::ranges::move(filters, std::back_inserter(commands));
    return commands;
}

QmpCommands export_commands(const std::vector<BackupRecord> &records) {
    QmpCommands commands;
    for (const BackupRecord &record : records) {
        if (!record.disk.is_variables)
            commands.push_back({"blockdev-add",
                                {{"driver", "snapshot-access"},
                                 {"node-name", view(record)},
                                 {"file", filter_node(record)}}});
        json arguments{{"type", "nbd"},
                       {"id", backup_node(record, "export")},
                       {"node-name", view(record)},
                       {"name", record.disk.name}};
        if (!record.since.empty() && !record.disk.is_variables)
            arguments["bitmaps"] =
                json::array({{{"node", record.disk.node}, {"name", kChangedBitmap}}});
        commands.push_back({"block-export-add", std::move(arguments)});
    }
    return commands;
}

QmpCommands end_commands(const std::vector<BackupRecord> &records,
                         const std::vector<BackupDisk> &now, bool is_kept) {
    QmpCommands commands;
    for (const BackupRecord &record : records)
        commands.push_back(
            {"block-export-del", {{"id", backup_node(record, "export")}, {"mode", "hard"}}});
    commands.push_back({"nbd-server-stop", nullptr});
    for (const BackupRecord &record : records) {
        if (record.disk.is_variables) {
            commands.push_back(
                {"block-job-cancel", {{"device", variables_job(record)}, {"force", true}}});
        } else {
            commands.push_back({"blockdev-del", {{"node-name", view(record)}}});
            // Whoever has changed the device's image meanwhile keeps what it has.
            if (std::ranges::find(now, filter_node(record), &BackupDisk::node) != now.end())
                commands.push_back({"qom-set", set_drive(record, record.disk.node)});
            commands.push_back({"blockdev-del", {{"node-name", filter_node(record)}}});
            commands.push_back({"blockdev-del", {{"node-name", scratch(record)}}});
            commands.push_back({"block-dirty-bitmap-remove",
                                {{"node", record.disk.node}, {"name", kChangedBitmap}}});
        }
        commands.push_back({"blockdev-del", {{"node-name", scratch_file(record)}}});
        if (record.fd_set)
            commands.push_back({"remove-fd", {{"fdset-id", *record.fd_set}}});
    }
    for (const BackupRecord &record : records)
        if (!record.disk.is_variables) {
            if (!is_kept)
                add_forgotten(commands, record.disk, record.checkpoint);
            else if (!record.since.empty())
                add_forgotten(commands, record.disk, record.since);
        }
    commands.push_back({"blockdev-del", {{"node-name", kQuietMark}}});
    return commands;
}

json mark_arguments(std::string_view mark) {
    return {{"driver", "null-co"}, {"node-name", mark}};
}

bool has_node(const json &named_nodes, std::string_view node) {
    return named_nodes.is_array() && std::ranges::any_of(named_nodes, [&](const json &it) {
               return it.is_object() && string_at(it, "node-name") == node;
           });
}

}  // namespace qemunit::bus
