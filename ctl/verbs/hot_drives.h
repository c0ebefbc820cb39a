// SPDX-License-Identifier: MIT
//
// Drives that come and go with their section while the VM runs: which of the ini can, and which
// QEMU has. Pure; reload_plan.cpp compares them, drive_attachment.h carries that out.
#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <optional>
#include <string>

#include "ctl/verbs/helpers_words.h"
#include "ctl/verbs/ini_words.h"

namespace qemunit::ctl {

// As AttachDrive takes them.
struct HotDrive {
    std::string name, path, format, serial, interface;
    bool read_only = false, discard = false;
    bool format_is_guessed = false;
    bool is_made = false;  // by qemu-image@.service, if the file is missing
    std::string origin;    // all that the ini says of the drive: another text, another drive
};

// The drive of these two options, if AttachDrive can do all that they say.
std::optional<HotDrive> hot_drive(const QemuOption &drive, const QemuOption &device,
                                  const DriveFiles &files);

// The device that holds the image of an attached drive, as QEMU finds it.
std::string device_of(const HotDrive &drive);

// Of query-fdsets and query-block: the drives that were attached while the VM runs, with the
// origin of each, "" if it is not of the ini.
std::map<std::string, std::string> attached_drives(const nlohmann::json &fd_sets,
                                                   const nlohmann::json &blocks);
// That element of query-block which is the attached drive of this name.
bool is_attached_drive(const nlohmann::json &block, std::string_view name);

}  // namespace qemunit::ctl
