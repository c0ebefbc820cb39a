// SPDX-License-Identifier: MIT
//
// A name that is not taken, for a file or a folder; and a file without one. Also where the file
// system does not have that: NFS, 9p, FUSE.
#pragma once

#include <string>

#include "common/unique_fd.h"

namespace qemunit {

// renameat2(2) with RENAME_NOREPLACE. Where that is not to be had, a folder could replace an empty
// one that somebody makes in the same moment. Returns 0, or an errno: EEXIST if the name is taken.
int move_to_free_name(int from_folder, const std::string &from, int to_folder,
                      const std::string &to);

// A new file for this user alone, to read and to write, that is gone with its last descriptor.
// Empty, with errno, if there is none. Where the folder's file system has only files with names, it
// has one for a moment.
UniqueFd make_nameless_file(int folder);

}  // namespace qemunit
