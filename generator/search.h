// SPDX-License-Identifier: MIT
//
// Which ini files there are: the search directories, precedence, masks, drop-ins.
// Lists directories and looks at file types, opens nothing.
#pragma once

#include <string>
#include <vector>

#include "common/paths.h"
#include "generator/diagnostic.h"

namespace qemunit {

struct VmSource {
    std::string name;
    std::string path;                   // of the ini file, with `root` before it
    bool masked = false;                // empty, or a link to /dev/null
    std::vector<std::string> drop_ins;  // in the order they apply, masked ones left out
};

// Sorted by name. `root`: prefix of all directories, "" for this system. Files whose name
// is no VM name are reported and left out.
std::vector<VmSource> find_vms(const std::string &root, const Paths &paths,
                               Diagnostics &diagnostics);

// A single ini file, wherever it is, with the drop-ins in the folder FILE.d beside it. Its
// name is checked as find_vms() does.
VmSource single_file(const std::string &path, Diagnostics &diagnostics);

}  // namespace qemunit
