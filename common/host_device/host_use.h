// SPDX-License-Identifier: MIT
//
// What the host itself needs a device for: a disk in use, the way to the network, the console. For
// qemunit-hostdev, which then does not take it, and for `qemunitctl check`. Reads only; `root` is a
// prefix of all paths, "" for this system.
#pragma once

#include <string>

namespace qemunit {

// Of the device with this folder of /sys: "its disk 'sda' has the file system at /srv". "":
// nothing.
std::string use_by_host(const std::string &root, const std::string &folder);

}  // namespace qemunit
