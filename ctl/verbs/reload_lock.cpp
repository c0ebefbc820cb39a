// SPDX-License-Identifier: MIT
#include "ctl/verbs/reload_lock.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <chrono>

namespace qemunit::ctl {

namespace {

constexpr std::chrono::seconds kReloadLockPatience{50};  // of 60, TimeoutStartSec= of the unit
constexpr int kLockLookInterval = 50;                    // ms

}  // namespace

// The file is the manager's, in its folder, and stays: who deletes one lets two in.
Result<UniqueFd> lock_reload(const Paths &paths, const std::string &vm) {
    const std::string file = fmt::format("{}/qemunit/.reload-{}", paths.runtime, vm);
    UniqueFd lock(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                       S_IRUSR | S_IWUSR));
    if (!lock)
        return errno == EACCES ? Result<UniqueFd>(UniqueFd())
                               : fail_errno(errno, "cannot open " + file);
    const auto end = std::chrono::steady_clock::now() + kReloadLockPatience;
    while (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK && errno != EINTR)
            return fail_errno(errno, "cannot lock " + file);
        if (std::chrono::steady_clock::now() > end)
            return fail(EBUSY,
                        "another reload of the VM is under way; try again when it has ended");
        poll(nullptr, 0, kLockLookInterval);
    }
    return lock;
}

}  // namespace qemunit::ctl
