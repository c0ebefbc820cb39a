// SPDX-License-Identifier: MIT
//
// Disks from a VM into a backup, and from a backup into an image, by qemu-img(1) and qemu-io(1).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"
#include "ctl/backup/backup_tool.h"

namespace qemunit::ctl {

// What BeginBackup has returned, and the name of one of its exports.
struct NbdExport {
    int socket = -1;
    std::string name;
};

// All of it; `format`: "qcow2", "raw".
Result<> pull_disk(const NbdExport &from, int to, std::string_view format);

// What has changed, as a layer on `backing`, by which name the image will find it.
Result<> pull_changes(const NbdExport &from, uint64_t size, const std::string &backing, int to);

// Of one line of `qemu-img map --output=json` on a bitmap of QEMU's: what has changed.
struct Extent {
    uint64_t start = 0, length = 0;
};
bool read_changed_extent(std::string_view line, Extent &extent);

// A chain of open images, the lowest first, as one image. What their headers name is not opened.
Result<> convert_chain(const std::vector<int> &chain, const std::vector<std::string> &formats,
                       int to, const std::string &format, ToolRights rights);
// Whether one image, a file of a backup, has all that the guest sees of it, or of a layer, where
// its own clusters are. By the header, without qemu-img.
Result<> check_data_is_inside(int image);
// The same, and that it is a layer on nothing.
Result<> check_stands_alone(int image);
// qemu-img check of one image.
Result<> check_image(int image, ToolRights rights);

}  // namespace qemunit::ctl
