// SPDX-License-Identifier: MIT
#include "ctl/new/state_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "common/files/mount_points.h"
#include "common/paths.h"
#include "ctl/vm/state_paths.h"

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

}  // namespace

Result<std::string> state_folder(const Invocation &invocation, const std::string &vm) {
    const auto paths = paths_with_state(invocation);
    return paths ? Result<std::string>(paths->state_dir(vm)) : std::unexpected(paths.error());
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
