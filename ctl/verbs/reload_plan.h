// SPDX-License-Identifier: MIT
//
// What `reload` has to do: the command line of the QEMU that runs, compared with the one that the
// VM's unit has now. Pure; reload.h carries the plan out.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/qmp/user_networks.h"
#include "ctl/verbs/helpers_words.h"
#include "ctl/verbs/hot_drives.h"

namespace qemunit::ctl {

struct ReloadPlan {
    struct Medium {
        std::string drive;
        std::string file;  // "": the drive is emptied
    };
    struct Size {
        std::string drive;
        uint64_t bytes = 0;
    };
    struct Limits {
        std::string drive;
        nlohmann::json arguments;  // of block_set_io_throttle
    };
    std::vector<Forward> added, removed;
    std::vector<Medium> media;
    // The network cards that QEMU has. QEMU does not tell whether a cable is in, so each card is
    // set.
    std::vector<std::string> plugged, unplugged;
    std::optional<uint64_t> processors;
    std::optional<uint64_t> memory;     // bytes
    std::vector<Size> sizes;            // of drives that become larger
    std::vector<std::string> detached;  // drives that were attached by a reload before
    std::vector<HotDrive> attached;
    std::vector<Limits> limits;
    // What stays as it is, also at the next start, and why.
    std::vector<std::string> kept;
    // What has to wait until the VM starts anew, in words of the ini: "CPUs= in [VM]: 1 becomes 2".
    std::vector<std::string> later;

    // Whether a reload changes anything.
    bool has_changes() const {
        return !added.empty() || !removed.empty() || !media.empty() || !unplugged.empty() ||
               processors || memory || !sizes.empty() || !limits.empty() || !detached.empty() ||
               !attached.empty();
    }
    bool empty() const { return !has_changes() && kept.empty() && later.empty(); }
};

// What QEMU says of itself, beside its command line.
struct QemuState {
    std::vector<Forward> forwards;  // by GetHostForwards
    nlohmann::json fd_sets;         // query-fdsets
    nlohmann::json blocks;          // query-block
    nlohmann::json balloon;         // query-balloon; null if there is none
    nlohmann::json nodes;           // query-named-block-nodes
    nlohmann::json memory;          // query-memory-size-summary
    nlohmann::json processors;      // query-hotpluggable-cpus; null if the machine takes none
};

// `running` and `configured` begin with the program. `words`: as configured.
ReloadPlan plan_reload(const std::vector<std::string> &running,
                       const std::vector<std::string> &configured, const HelpersWords &words,
                       const QemuState &state);

}  // namespace qemunit::ctl
