// SPDX-License-Identifier: MIT
#include "common/files/mount_namespace.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/unique_fd.h"

namespace qemunit {

namespace {

// By its PID (setns(2), Linux 5.8), since there is no /proc in there either.
bool join_manager(int kind) {
    const UniqueFd manager(static_cast<int>(syscall(SYS_pidfd_open, 1, 0)));
    return manager && setns(manager.get(), kind) == 0;
}

}  // namespace

bool join_mounts_of_manager() {
    return join_manager(CLONE_NEWNS);
}

bool join_network_of_manager() {
    return join_manager(CLONE_NEWNET);
}

}  // namespace qemunit
