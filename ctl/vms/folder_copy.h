// SPDX-License-Identifier: MIT
//
// A copy of a VM's folder, for `clone`: files as they are, with blocks shared where the file system
// can do that. Follows no link that whoever runs the VM has laid out, and copies no file of
// somebody else's.
#pragma once

#include <csignal>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/result.h"

namespace qemunit::ctl {

struct FolderCopy {
    std::string left_out;  // how names in the folder itself begin; "": all are copied
    // The copy of a file, open, with the path of the original.
    std::function<Result<>(int copy, const std::string &original)> on_file;
    const volatile std::sig_atomic_t *stops = nullptr;

    std::size_t files = 0;             // that were copied
    std::vector<std::string> skipped;  // links, and what is no file
};

// `path`: of the folder that `from` is, for messages.
Result<> copy_folder(int from, int to, const std::string &path, FolderCopy &copy);

// One file, from a descriptor, under a name that nothing has.
Result<> copy_file(int from, int folder, const std::string &name, const std::string &path,
                   FolderCopy &copy);

// What the copies of these files need of the file system that `to` is on; 0 where blocks are
// shared.
uint64_t needed_room(int file, int to);
uint64_t needed_room_of_folder(int from, int to, const std::string &left_out);
Result<> check_room(int to, uint64_t needed, const std::string &vm);

}  // namespace qemunit::ctl
