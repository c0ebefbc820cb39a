// SPDX-License-Identifier: MIT
//
// Which drives of a VM take part in a snapshot, and which snapshots they have: out of QEMU's
// answer to query-block. Pure; the methods of snapshot_methods.cpp ask and act.
//
// As with `savevm`, all writable drives with a medium take part (bdrv_all_snapshots_includes_bs()
// in block/snapshot.c of QEMU), with one exception: the UEFI variables, a raw pflash. They are
// RAM of the machine, which is in the snapshot, and written back when it is loaded
// (pflash_post_load() in hw/block/pflash_cfi01.c).
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace qemunit::bus {

struct Snapshot {
    std::string tag;
    uint64_t vm_state_bytes = 0;  // 0 on all drives but one, or of the disks alone
    uint64_t usec = 0;            // since 1970
    bool operator==(const Snapshot &) const = default;
};

struct SnapshotDrive {
    std::string name;  // of its section in the ini: "root"
    std::string node;  // "#block123"
    std::vector<Snapshot> snapshots;

    const Snapshot *find(std::string_view tag) const;
};

struct SnapshotDrives {
    std::vector<SnapshotDrive> drives;
    std::vector<std::string> raw;  // names of writable drives that cannot hold a snapshot

    // Those that all drives have, as `info snapshots` lists them; in the order of the first.
    std::vector<Snapshot> common() const;
    bool any_has(std::string_view tag) const;
};

SnapshotDrives snapshot_drives(const nlohmann::json &query_block);

// "", or why no snapshot is made under that name. Only what no tool takes for something else:
// qemu-img and older monitors also find a snapshot by its number.
std::string tag_fault(std::string_view tag);

// The arguments of one of the jobs snapshot-save, -load, -delete.
struct SnapshotJob {
    const char *command;
    nlohmann::json arguments;
};

// The job, or why it would fail; `vm` is for the sentence.
std::expected<SnapshotJob, std::string> save_job(const SnapshotDrives &drives,
                                                 const std::string &vm, const std::string &tag);
std::expected<SnapshotJob, std::string> load_job(const SnapshotDrives &drives,
                                                 const std::string &vm, const std::string &tag);
std::expected<SnapshotJob, std::string> delete_job(const SnapshotDrives &drives,
                                                   const std::string &vm, const std::string &tag);

}  // namespace qemunit::bus
