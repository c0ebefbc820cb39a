// SPDX-License-Identifier: MIT
//
// How many processors and how much memory a running VM is to get: the words of -smp and -m of the
// QEMU that runs and of its ini, and what QEMU says that it has. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>

#include "ctl/verbs/ini_words.h"

namespace qemunit::ctl {

struct SizeChange {
    bool is_live = false;           // the running VM can have what the ini says
    std::optional<uint64_t> value;  // what it is to have, if it has not
};

// `slots` of query-hotpluggable-cpus, null if QEMU has no answer. The processors of the start stay.
SizeChange processors_change(const QemuOption &wanted, const QemuOption &started,
                             const nlohmann::json &slots);

// In bytes. `memory` of query-memory-size-summary, `balloon` of query-balloon, null if there is
// none: memory comes up to maxmem=, and the balloon alone takes it from the guest.
SizeChange memory_change(const QemuOption &wanted, const QemuOption &started,
                         const nlohmann::json &memory, const nlohmann::json &balloon);

}  // namespace qemunit::ctl
