// SPDX-License-Identifier: MIT
//
// How large a drive is, and whether it can be made larger now: pure, from QEMU's words. For
// ResizeDrive.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

namespace qemunit::bus {

struct DriveSize {
    std::string node;  // the image that the device reads and writes, as QEMU calls it
    uint64_t bytes = 0;
};

// Of query-block: the drive of that name, of the ini or of AttachDrive; or why it cannot be made
// larger.
std::expected<DriveSize, std::string> drive_size(const nlohmann::json &query_block,
                                                 std::string_view name, const std::string &vm);

// Of query-status and query-migrate: why the images are not QEMU's to change, "" if they are. While
// they are another QEMU's, or were written for the last time, QEMU does not refuse to resize one,
// but aborts (bdrv_co_write_req_prepare() in block/io.c).
std::string image_hold(const nlohmann::json &status, const nlohmann::json &migration);

// What is wrong with this size; "" if nothing is.
std::string drive_size_fault(const DriveSize &drive, uint64_t bytes);

}  // namespace qemunit::bus
