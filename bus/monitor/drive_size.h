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
    std::string device;  // its path in QEMU, "" if QEMU tells none
};

// Of query-block: the drive of that name, of the ini or of AttachDrive; or why it cannot be made
// larger.
std::expected<DriveSize, std::string> drive_size(const nlohmann::json &query_block,
                                                 std::string_view name, const std::string &vm);

// Of query-status and query-migrate: what is being done to the whole machine, so that nothing else can
// be; "" if nothing is.
std::string migration_hold(const nlohmann::json &status, const nlohmann::json &migration);

// Of the same: why the images are not QEMU's to change, "" if they are. While
// they are another QEMU's, or were written for the last time, QEMU does not refuse to resize one,
// but aborts (bdrv_co_write_req_prepare() in block/io.c).
std::string image_hold(const nlohmann::json &status, const nlohmann::json &migration);

// What is wrong with this size; "" if nothing is.
std::string drive_size_fault(const DriveSize &drive, uint64_t bytes);

// Whether the drive may be an SD card, of which QEMU at its next start takes no size but a power of
// two (sd_realize() in hw/sd/sd.c): boards have these, in places without an id.
bool may_be_card(const DriveSize &drive);
std::string card_size_fault(uint64_t bytes);

}  // namespace qemunit::bus
