// SPDX-License-Identifier: MIT
//
// What is plugged into a running QEMU: its devices, and the image in each drive. Companions compare
// what there was at the start with what there is when the guest is to be hibernated: a saved state
// fits only the hardware that the next start makes of the ini file.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "common/qmp/qmp_client.h"
#include "common/result.h"

namespace qemunit::helper {

struct Hardware {
    struct Medium {
        std::string file;  // the image, as QEMU names it; empty: the drive is empty
        bool removable = false;

        bool operator==(const Medium &) const = default;
    };

    std::set<std::string>
        devices;  // "root", and "device[0] child<virtio-rng-pci>" of one without id
    std::map<std::string, Medium> media;  // by the id of the drive's device
    // Those of the host, for people: "'gpu', 'stick'". Their state is in no saved machine. Not in
    // hardware_text().
    std::string of_host = {};

    bool operator==(const Hardware &) const = default;
};

// From the values of query-block, query-fdsets, and qom-list of /machine/peripheral and
// /machine/peripheral-anon. An image that came by a descriptor has the name that was given with it.
Hardware hardware_of(const nlohmann::json &block, const nlohmann::json &fd_sets,
                     const nlohmann::json &with_id, const nlohmann::json &without_id);

// Asks QEMU for all four; `done` is called once, with an error if one of them had no answer.
void ask_hardware(QmpClient &qmp, uint64_t timeout_usec,
                  std::function<void(Result<Hardware>)> done);

// For one companion to leave to the next. parse_hardware() takes only what hardware_text() wrote.
std::string hardware_text(const Hardware &hardware);
std::optional<Hardware> parse_hardware(std::string_view text);

// The drives whose medium is to be taken out of the machine `started` to make it like `saved`.
std::set<std::string> emptied_drives(const Hardware &saved, const Hardware &started);

// The difference between two machines: "the drive 'data' was plugged in"; empty if there is none.
// For a state that was saved with one machine and is to be loaded with the other; the drives of
// emptied_drives() make no difference.
std::string difference_since_start(const Hardware &started, const Hardware &now);
std::string difference_since_save(const Hardware &saved, const Hardware &started);

}  // namespace qemunit::helper
