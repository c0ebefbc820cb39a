// SPDX-License-Identifier: MIT
#include "ctl/new/state_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "common/bus_ptr.h"
#include "common/files/mount_points.h"
#include "common/paths.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

constexpr int kEnding[] = {SIGINT, SIGTERM, SIGHUP};
// A handler of signals sees nothing but what is global. One VM is made at a time.
char folder_on_the_way[PATH_MAX];

void remove_and_end(int signal) {
    rmdir(folder_on_the_way);
    std::signal(signal, SIG_DFL);
    raise(signal);
}

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

Result<std::string> state_folder(const Invocation &invocation, const std::string &vm) {
    Paths paths = paths_of(invocation);
    if (paths.is_of_user()) {
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
    }
    return paths.state_dir(vm);
}

std::string left_in(const std::string &folder) {
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename();
        // Of a run that was cut short, where the file system has no files without names.
        if (!(name.starts_with('.') && name.ends_with(".new")))
            return entry->path();
    }
    return "";
}

Result<StateFolder> StateFolder::make(const std::string &folder) {
    if (auto mounted = check_mounted(folder); !mounted)
        return std::unexpected(mounted.error());
    std::error_code error;
    fs::create_directories(fs::path(folder).parent_path(), error);
    if (error)
        return fail_errno(error.value(), "cannot create " + folder);
    if (folder.size() >= sizeof folder_on_the_way)
        return fail_errno(ENAMETOOLONG, "cannot create " + folder);
    folder.copy(folder_on_the_way, folder.size());
    for (const int signal : kEnding)
        std::signal(signal, remove_and_end);
    if (mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST)
        return fail_errno(errno, "cannot create " + folder);
    UniqueFd opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!opened)
        return fail_errno(errno, "cannot open " + folder);
    return StateFolder(std::move(opened));
}

StateFolder::~StateFolder() {
    if (!fd_)
        return;
    for (const int signal : kEnding)
        std::signal(signal, SIG_DFL);
    rmdir(folder_on_the_way);  // which fails if there is something in it
}

}  // namespace qemunit::ctl
