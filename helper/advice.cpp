// SPDX-License-Identifier: MIT
#include "helper/advice.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>

namespace qemunit {

std::string permission_advice(const std::string &path, bool write, Scope scope) {
    if (faccessat(AT_FDCWD, path.c_str(), write ? R_OK | W_OK : R_OK, AT_EACCESS) == 0 ||
        errno != EACCES)
        return {};
    const passwd *entry = getpwuid(geteuid());
    const std::string user = entry ? entry->pw_name : fmt::to_string(geteuid());
    const std::string fault = fmt::format("{}: the user '{}', who runs QEMU, may not {} it.", path,
                                          user, write ? "read and write" : "read");
    const std::string grant =
        fmt::format("`setfacl -m u:{}:{} {}`", user, write ? "rw" : "r", path);
    if (scope == Scope::user)
        return fmt::format("{} Its owner can allow it with {}.", fault, grant);
    return fmt::format(
        "{0} Allow it with {1} or `chown {2} {3}`, or choose another user with User= in [VM].",
        fault, grant, user, path);
}

std::string missing_image_advice(const std::string &path, const std::string &vm, Scope scope) {
    if (access(path.c_str(), F_OK) == 0 || errno != ENOENT)
        return {};
    return fmt::format("{}: the image could not be made; `{} status qemu-image@{}` says why.", path,
                       Paths{.scope = scope}.systemctl(), vm);
}

}  // namespace qemunit
