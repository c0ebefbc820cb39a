// SPDX-License-Identifier: MIT
//
// What of a VM's ini file can be changed while it runs: the command line of the QEMU that runs
// against the one that its unit has now. Pure; reload.h does it.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/qmp/user_networks.h"

namespace qemunit::ctl {

struct LiveChanges {
    struct Medium {
        std::string drive;
        std::string file;  // "": none
    };
    std::vector<Forward> added, removed;
    std::vector<Medium> media;
    // Of those that QEMU has. It does not tell how they are, so each is told.
    std::vector<std::string> plugged, unplugged;
    std::optional<uint64_t> balloon;  // bytes
    // What has to wait until the VM starts anew, each in words of the ini: "CPUs= in [VM]: 1
    // becomes 2".
    std::vector<std::string> later;

    bool empty() const {
        return added.empty() && removed.empty() && media.empty() && unplugged.empty() && !balloon &&
               later.empty();
    }
};

// What QEMU says of itself, beside its command line.
struct LiveState {
    std::vector<Forward> forwards;  // by "info usernet"
    nlohmann::json fd_sets;         // query-fdsets
    nlohmann::json blocks;          // query-block
    nlohmann::json balloon;         // query-balloon; null if there is none
};

// The network cards without a cable, from the words of ExecStart=.
std::vector<std::string> unplugged_cards(const std::vector<std::string> &exec_start);

// `running` and `configured` begin with the program. `unplugged`: cards, as configured.
LiveChanges find_live_changes(const std::vector<std::string> &running,
                              const std::vector<std::string> &configured,
                              const std::vector<std::string> &unplugged, const LiveState &state);

}  // namespace qemunit::ctl
