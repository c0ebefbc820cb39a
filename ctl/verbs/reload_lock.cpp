// SPDX-License-Identifier: MIT
#include "ctl/verbs/reload_lock.h"

#include <fmt/format.h>

#include <cerrno>

#include "common/files/file_lock.h"

namespace qemunit::ctl {

namespace {

constexpr unsigned kReloadLockPatience = 50;  // s, of 60, TimeoutStartSec= of the unit

}  // namespace

// The file is the manager's, in its folder, and stays: who deletes one lets two in.
Result<UniqueFd> lock_reload(const Paths &paths, const std::string &vm) {
    auto lock =
        lock_file(fmt::format("{}/qemunit/.reload-{}", paths.runtime, vm), kReloadLockPatience);
    if (!lock && lock.error().code == EACCES)
        return UniqueFd();
    if (!lock && lock.error().code == EINTR)
        return fail(EBUSY, "another reload of the VM is under way; try again when it has ended");
    return lock;
}

}  // namespace qemunit::ctl
