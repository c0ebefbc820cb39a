// SPDX-License-Identifier: MIT
//
// How QEMU's names of all that a backup has put into it begin. qemunitd makes and removes it; the
// companion saves no machine that has it, and hands none to another QEMU.
#pragma once

#include <nlohmann/json.hpp>

#include <algorithm>
#include <string_view>

#include "common/qmp/qmp_client.h"

namespace qemunit {

inline constexpr std::string_view kBackupNodes = "qemunit-backup-";

// `named_nodes`: query-named-block-nodes.
inline bool has_backup_nodes(const nlohmann::json &named_nodes) {
    return named_nodes.is_array() &&
           std::ranges::any_of(named_nodes, [](const nlohmann::json &node) {
               return string_at(node, "node-name").starts_with(kBackupNodes);
           });
}

}  // namespace qemunit
