// SPDX-License-Identifier: MIT
//
// A folder of this system as QEMU of a `run` gets it: a copy of its mounts that is mounted nowhere
// (open_tree(2)). Nothing is above it: ".." leads back to it, so that a QEMU that its guest took
// over has that folder, and not this system. Made in a mount namespace of a child process; nothing
// here changes, and the mounts go with the last descriptor.
#pragma once

#include <string>

#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

struct FolderView {
    UniqueFd folder;   // for a path only (O_PATH); to be kept open as long as it is used
    std::string lack;  // why it is the folder itself, with all that is above it; "": it is not
};

enum class FolderUse {
    read,   // read-only whatever QEMU does, without the kernel's own file systems, devices, sockets
    write,  // as far as QEMU's user may
};

// As the caller sees it. A user whom the kernel gives no namespaces gets the folder as it is: QEMU
// is that user then. Whoever calls says so. Root gets an error.
Result<FolderView> open_folder_view(const std::string &path, FolderUse use);

}  // namespace qemunit::ctl
