// SPDX-License-Identifier: MIT
//
// Which ini files there are: the search directories, precedence, drop-ins.
// Lists directories, opens no file.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "common/paths.h"
#include "generator/vm/diagnostic.h"

namespace qemunit::generator {

struct VmSource {
    std::string name;
    std::string path;                   // of the ini file, with `root` before it; maybe a mask
    std::vector<std::string> drop_ins;  // in the order they apply, masked ones left out
};

// Whether the file is a mask, which hides a file of its name in a lower directory: empty, or a link
// to /dev/null.
bool is_mask(const struct stat &info);
bool is_mask(const std::string &path);

// Sorted by name. `root`: prefix of all directories, "" for this system. Files whose name
// is no VM name are reported and left out.
std::vector<VmSource> find_vms(const std::string &root, const Paths &paths,
                               Diagnostics &diagnostics);

// A single ini file, wherever it is, with the drop-ins in the folder FILE.d beside it. Its
// name is checked as find_vms() does.
VmSource single_file(const std::string &path, Diagnostics &diagnostics);

}  // namespace qemunit::generator
