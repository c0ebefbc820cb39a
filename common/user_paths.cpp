// SPDX-License-Identifier: MIT
#include "common/user_paths.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>

namespace qemunit {

namespace {

// A path that is not absolute does not count, says the XDG specification.
std::string folder_from(const char *variable) {
    const char *value = std::getenv(variable);
    std::string folder = value != nullptr && *value == '/' ? value : "";
    while (folder.ends_with('/'))
        folder.pop_back();
    return folder;
}

std::string home() {
    std::string folder = folder_from("HOME");
    if (const passwd *entry = folder.empty() ? getpwuid(getuid()) : nullptr)
        folder = entry->pw_dir;
    return folder;
}

}  // namespace

Paths user_paths() {
    Paths paths{.scope = Scope::user,
                .config = folder_from("XDG_CONFIG_HOME"),
                .runtime = folder_from("XDG_RUNTIME_DIR"),
                .state = {kSpecifier, 'S'}};
    if (paths.config.empty())
        paths.config = home() + "/.config";
    if (paths.runtime.empty())
        paths.runtime = "/run/user/" + std::to_string(getuid());
    return paths;
}

}  // namespace qemunit
