// SPDX-License-Identifier: MIT
#include "generator/units/namespaces.h"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

namespace qemunit::generator {

// In the steps that systemd makes for PrivateUsers=yes (src/core/execute.c). AppArmor on Ubuntu
// allows the first, and nothing of what it is for.
Namespaces namespaces_of_user() {
    const pid_t child = fork();
    if (child == 0)
        _exit(unshare(CLONE_NEWUSER) == 0 && unshare(CLONE_NEWNS) == 0 ? 0 : 1);
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? Namespaces::available
                                                                      : Namespaces::unavailable;
}

}  // namespace qemunit::generator
