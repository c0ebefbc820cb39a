// SPDX-License-Identifier: MIT
//
// Which drive one of QEMU's lists of block devices (query-block, query-blockstats) is about, by
// its name in the ini or in AttachDrive. Pure.
#pragma once

#include <nlohmann/json.hpp>

#include <string>

namespace qemunit::bus {

// "" for the firmware's, and for what no drive is.
std::string drive_name(const nlohmann::json &device);

// Whether what is `inserted` there is the layer of a drive with Ephemeral=: a file that QEMU has
// deleted (bdrv_append_temp_snapshot() in block.c of QEMU), and such a layer alone has a name of
// QEMU's beside a file of that kind.
bool is_ephemeral(const nlohmann::json &inserted);

}  // namespace qemunit::bus
