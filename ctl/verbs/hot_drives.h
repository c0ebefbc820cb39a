// SPDX-License-Identifier: MIT
//
// Drives that come and go with their section while the VM runs: which of the ini can, and which
// QEMU has. Pure; reload_plan.cpp compares them, drive_attachment.h carries that out.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/verbs/helpers_words.h"
#include "ctl/verbs/ini_words.h"

namespace qemunit::ctl {

// As AttachDrive takes them.
struct HotDrive {
    std::string name, path, format, serial, interface;
    bool read_only = false, discard = false;
    bool format_is_guessed = false;
    bool is_made = false;          // by qemu-image@.service, if the file is missing
    std::string origin;            // all that the ini says of the drive, for drive_of_origin()
    std::optional<uint64_t> size = {};  // Size=
};

// The drive of these two options, if AttachDrive can do all that they say.
std::optional<HotDrive> hot_drive(const QemuOption &drive, const QemuOption &device,
                                  const DriveFiles &files);

// The drive that an origin is of, which an older qemunit may have written; its name is not in
// there. What is in no member of HotDrive is of no account.
std::optional<HotDrive> drive_of_origin(std::string_view origin);
// The keys of the ini by which the two differ: "File=".
std::vector<std::string> differing_keys(const HotDrive &a, const HotDrive &b);

// The device that holds the image of an attached drive, as QEMU finds it.
std::string device_of(const HotDrive &drive);

// Of query-fdsets and query-block: the drives that were attached while the VM runs, with the
// origin of each, "" if it is not of the ini.
std::map<std::string, std::string> attached_drives(const nlohmann::json &fd_sets,
                                                   const nlohmann::json &blocks);
// How large that drive is, if QEMU says so.
std::optional<uint64_t> size_of_attached(const nlohmann::json &blocks, std::string_view name);
// That element of query-block which is the attached drive of this name.
bool is_attached_drive(const nlohmann::json &block, std::string_view name);

}  // namespace qemunit::ctl
