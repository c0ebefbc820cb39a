// SPDX-License-Identifier: MIT
#include "ctl/vm/state_paths.h"

#include <charconv>
#include <cstdlib>
#include <string>
#include <string_view>

#include "common/bus_ptr.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

// %S of a user was $XDG_CONFIG_HOME before this version (systemd's NEWS for 254).
constexpr unsigned kOwnStateHomeSince = 254;

Result<unsigned> systemd_version(sd_bus *bus) {
    char *text = nullptr;
    const int r =
        sd_bus_get_property_string(bus, kSystemdName, "/org/freedesktop/systemd1",
                                   "org.freedesktop.systemd1.Manager", "Version", nullptr, &text);
    if (r < 0)
        return fail_errno(r, "cannot ask the user's systemd for its version");
    const CStringPtr version(text);
    const std::string_view words(version.get());
    unsigned number = 0;
    std::from_chars(words.data(), words.data() + words.size(), number);
    return number;
}

}  // namespace

Result<Paths> paths_with_state(const Invocation &invocation) {
    Paths paths = paths_of(invocation);
    if (!paths.is_of_user())
        return paths;
    const auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto version = systemd_version(bus->get());
    if (!version)
        return std::unexpected(version.error());
    const char *home = std::getenv("HOME"), *state = std::getenv("XDG_STATE_HOME");
    paths.state = *version < kOwnStateHomeSince ? paths.config
                  : state != nullptr && *state == '/'
                      ? state
                      : std::string(home != nullptr ? home : "") + "/.local/state";
    return paths;
}

}  // namespace qemunit::ctl
