// SPDX-License-Identifier: MIT
//
// The options of `backup`, `backups` and `restore`, for the table of verbs.
#pragma once

#include "common/options.h"

namespace qemunit::ctl {

inline constexpr OptionText kBackupOptions[] = {
    {.name = "--full", .help = "All of the disks, not what has changed since the last backup"},
    {.name = "--full-every",
     .value = "NUMBER",
     .wanted = "a number",
     .help = "A full one after so many, 7"},
    {.name = "--keep",
     .value = "NUMBER",
     .wanted = "a number",
     .help = "Then remove all but the newest, and what these are made on"},
};

inline constexpr OptionText kBackupsOptions[] = {
    {.name = "--json", .help = "For programs"},
};

inline constexpr OptionText kRestoreOptions[] = {
    {.name = "--checkpoint",
     .value = "BACKUP",
     .wanted = "the name of a backup",
     .help = "This one, not the newest"},
    {.name = "--disk",
     .value = "DISK",
     .wanted = "the name of a drive",
     .help = "This disk alone, as an image of that name"},
};

}  // namespace qemunit::ctl
