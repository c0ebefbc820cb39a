// SPDX-License-Identifier: MIT
//
// Whether a folder is below a mount point whose file system is missing, for all that makes images:
// one that is made there would be hidden as soon as the file system is mounted. Never mounts
// anything itself, but looks, by which an automount mounts.
#pragma once

#include <string>

#include "common/result.h"

namespace qemunit {

// Where to look; tests look below another root.
struct MountTables {
    std::string root;
    std::string mounted = "/proc/self/mountinfo";
};

// An error if the folder, or one above it, is a mount point by a unit that the administrator or a
// generator wrote (that of /etc/fstab), and nothing is mounted. Links on the way are followed.
// RequiresMountsFor= mounts most of them before, but does not follow links, and does nothing in a
// user's manager.
Result<> check_mounted(const std::string &folder, const MountTables &tables = {});

// "/mnt/my disk" -> "mnt-my\x20disk.mount" (systemd.unit(5), "String Escaping")
std::string mount_unit(std::string_view folder);

}  // namespace qemunit
