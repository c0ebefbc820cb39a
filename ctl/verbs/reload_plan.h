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

namespace qemunit::ctl {

struct ReloadPlan {
    struct Medium {
        std::string drive;
        std::string file;  // "": the drive is emptied
    };
    std::vector<Forward> added, removed;
    std::vector<Medium> media;
    // The network cards that QEMU has. QEMU does not tell whether a cable is in, so each card is
    // set.
    std::vector<std::string> plugged, unplugged;
    std::optional<uint64_t> balloon;  // bytes
    // What has to wait until the VM starts anew, in words of the ini: "CPUs= in [VM]: 1 becomes 2".
    std::vector<std::string> later;

    bool empty() const {
        return added.empty() && removed.empty() && media.empty() && unplugged.empty() && !balloon &&
               later.empty();
    }
};

// What QEMU says of itself, beside its command line.
struct QemuState {
    std::vector<Forward> forwards;  // by GetHostForwards
    nlohmann::json fd_sets;         // query-fdsets
    nlohmann::json blocks;          // query-block
    nlohmann::json balloon;         // query-balloon; null if there is none
};

// The network cards without a cable, from the words of ExecStart=.
std::vector<std::string> unplugged_cards(const std::vector<std::string> &exec_start);

// `running` and `configured` begin with the program. `unplugged`: cards, as configured.
ReloadPlan plan_reload(const std::vector<std::string> &running,
                       const std::vector<std::string> &configured,
                       const std::vector<std::string> &unplugged, const QemuState &state);

}  // namespace qemunit::ctl
