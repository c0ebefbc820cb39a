// SPDX-License-Identifier: MIT
#include "helper/start/advice.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace qemunit::helper {

namespace {

// Whom only systemd knows, and only while the unit runs: DynamicUser= in systemd.exec(5).
bool is_dynamic_user(uid_t uid) {
    return uid >= 61184 && uid <= 65519;
}

std::string user_name() {
    const passwd *entry = getpwuid(geteuid());
    return entry ? entry->pw_name : fmt::to_string(geteuid());
}

}  // namespace

std::string permission_advice(const std::string &path, bool write, Scope scope) {
    if (faccessat(AT_FDCWD, path.c_str(), write ? R_OK | W_OK : R_OK, AT_EACCESS) == 0 ||
        errno != EACCES)
        return {};
    const char *state = std::getenv("STATE_DIRECTORY");
    if (is_dynamic_user(geteuid()) && state && path.starts_with(std::string(state) + "/"))
        return fmt::format(
            "{0}: it is not the VM's. Give it to the VM with `chown --reference={1} {0}`.", path,
            state);
    if (is_dynamic_user(geteuid()))
        return fmt::format(
            "{0}: QEMU may not {1} it. Allow it to the group of all VMs with `setfacl -m "
            "g:qemunit:{2} "
            "{0}`, or choose the file's owner with User= in [VM].",
            path, write ? "read and write" : "read", write ? "rw" : "r");
    const std::string user = user_name();
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

// The group is that of systemd's rules for udev; in a user's namespace it has no name.
std::string kvm_advice(const std::string &path, Scope scope) {
    struct stat device;
    if (faccessat(AT_FDCWD, path.c_str(), R_OK | W_OK, AT_EACCESS) == 0 || errno != EACCES ||
        stat(path.c_str(), &device) != 0)
        return {};
    constexpr mode_t kGroupMay = S_IRGRP | S_IWGRP;
    if ((device.st_mode & kGroupMay) != kGroupMay)
        return permission_advice(path, /*write=*/true, scope);
    const std::string user = user_name();
    const std::string from =
        scope == Scope::user
            ? fmt::format("; it counts when user@{}.service starts anew", geteuid())
            : "";
    return fmt::format(
        "{0}: the user '{1}', who runs QEMU, is not in the group 'kvm'. root can change that with "
        "`usermod -aG kvm {1}`{2}.",
        path, user, from);
}

// systemd-executor reads the paths of BindPaths= anew, as words with quotes, which were never
// escaped: exec_context_serialize() in systemd's execute-serialize.c, seen in 257. (262 refuses the
// whole service if the quote is a double one.)
std::string quoted_path_advice(const std::string &path) {
    if (path.find_first_of("\"'") == path.npos || access(path.c_str(), F_OK) == 0 ||
        errno != ENOENT)
        return {};
    return fmt::format(
        "{}: no such file in the VM's sandbox. If there is one outside, the quotes in its name are "
        "why: some versions of systemd, 257 is one, lose such paths. Give it a name without "
        "quotes.",
        path);
}

std::string missing_part_advice(const std::string &unit, const std::string &socket, Scope scope) {
    if (access(socket.c_str(), F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR))
        return {};
    return fmt::format("{0}, which the VM needs, is not up; `{1} status {0}` says why.", unit,
                       Paths{.scope = scope}.systemctl());
}

std::string missing_image_advice(const std::string &path, const std::string &vm, Scope scope) {
    if (access(path.c_str(), F_OK) == 0 || errno != ENOENT)
        return {};
    return fmt::format("{}: the image could not be made; `{} status qemu-image@{}` says why.", path,
                       Paths{.scope = scope}.systemctl(), vm);
}

}  // namespace qemunit::helper
