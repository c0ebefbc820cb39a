// SPDX-License-Identifier: MIT
#include "helper/advice.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>

namespace qemunit {

std::string permission_advice(const std::string &path, bool write) {
    if (faccessat(AT_FDCWD, path.c_str(), write ? R_OK | W_OK : R_OK, AT_EACCESS) == 0 ||
        errno != EACCES)
        return {};
    const passwd *entry = getpwuid(geteuid());
    const std::string user = entry ? entry->pw_name : fmt::to_string(geteuid());
    return fmt::format(
        "{0}: the user '{1}', who runs QEMU, may not {2} it. Allow it with `setfacl -m u:{1}:{3} "
        "{0}` or `chown {1} {0}`, or choose another user with User= in [VM].",
        path, user, write ? "read and write" : "read", write ? "rw" : "r");
}

std::string missing_image_advice(const std::string &path, const std::string &vm) {
    if (access(path.c_str(), F_OK) == 0 || errno != ENOENT)
        return {};
    return fmt::format(
        "{}: the image could not be made; `systemctl status qemu-image@{}` says why.", path, vm);
}

}  // namespace qemunit
