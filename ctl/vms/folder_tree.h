// SPDX-License-Identifier: MIT
//
// The folder of a VM with all that is in it: counted, removed. Whoever runs the VM may have laid
// out links and mounts in there: none is followed, and nothing outside is touched.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

struct TreeSize {
    std::size_t files = 0;
    uint64_t bytes = 0;  // on the disk
};

// The folder itself may be behind a link, which only the owner of the state directories can make.
Result<UniqueFd> open_folder(const std::string &path);

// A folder or file in `folder`, which has to be a real one and on the same file system.
Result<UniqueFd> open_beneath(int folder, const std::string &name, int flags);

// Each entry of a folder with what lstat(2) says, sorted by name.
struct TreeEntry {
    std::string name;
    struct stat info {};
};
Result<std::vector<TreeEntry>> entries_of(int folder);

TreeSize tree_size(int folder);

// What may stay, with all that is in it.
using IsKept = std::function<bool(const struct stat &)>;
// Removes the folder; whether it is all gone. A mount point stays, empty.
Result<bool> remove_tree(const std::string &path, const IsKept &is_kept);

}  // namespace qemunit::ctl
