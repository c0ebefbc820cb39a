// SPDX-License-Identifier: MIT
#include "common/files/mount_namespace.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/unique_fd.h"

namespace qemunit {

// By its PID (setns(2), Linux 5.8), since there is no /proc in there either.
bool join_mounts_of_manager() {
    const UniqueFd manager(static_cast<int>(syscall(SYS_pidfd_open, 1, 0)));
    return manager && setns(manager.get(), CLONE_NEWNS) == 0;
}

}  // namespace qemunit
