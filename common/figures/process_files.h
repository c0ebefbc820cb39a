// SPDX-License-Identifier: MIT
//
// What the kernel counts for a service, read from the files of /proc and of its control group that
// everybody may read. A file that is not there, or says something else, makes a figure that is not
// known.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/figures/vm_figures.h"

namespace qemunit {

struct ProcessFiles {
    std::string proc = "/proc";
    std::string cgroup = "/sys/fs/cgroup";
};

// `pid`: the main process of the service. `threads`: those of it that run the guest's processors.
ProcessFigures read_process_figures(uint32_t pid, const std::vector<uint32_t> &threads,
                                    const ProcessFiles &files = {});

// "0::/machine.slice/qemu@vm1.service" of /proc/PID/cgroup -> "/machine.slice/qemu@vm1.service"
std::string unified_group(std::string_view proc_cgroup);
// The number behind a key at the beginning of a line: "usage_usec 12", "VmSwap:	  0 kB".
std::optional<uint64_t> number_behind(std::string_view text, std::string_view key);
// Field `number`, counted from 1, of /proc/PID/stat: proc(5). The second may have any bytes in it.
std::optional<uint64_t> stat_field(std::string_view stat, unsigned number);

}  // namespace qemunit
