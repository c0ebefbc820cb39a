// SPDX-License-Identifier: MIT
//
// `qemunitctl snapshot`: the machine's state and its disks, kept in the disks' images.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

struct Snapshot {
    std::string tag;
    uint64_t bytes = 0;  // of the machine's state
    uint64_t usec = 0;   // since 1970
};

// The snapshots that `snapshot rotate` has saved, without the newest `keep`; the oldest first.
std::vector<std::string> to_be_rotated_out(const std::vector<Snapshot> &snapshots,
                                           std::size_t keep);

Result<int> run_snapshot_list(const Invocation &invocation);
Result<int> run_snapshot_rotate(const Invocation &invocation);
Result<int> run_snapshot_save(const Invocation &invocation);
Result<int> run_snapshot_load(const Invocation &invocation);
Result<int> run_snapshot_delete(const Invocation &invocation);

}  // namespace qemunit::ctl
