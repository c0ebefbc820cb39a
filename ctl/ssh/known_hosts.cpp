// SPDX-License-Identifier: MIT
#include "ctl/ssh/known_hosts.h"

#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/concat.h"

namespace qemunit::ctl {

namespace {

Result<> make_folders(const std::string &path) {
    for (std::size_t end = 1; end != path.npos;) {
        end = path.find('/', end + 1);
        const std::string part = path.substr(0, end);
        if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST)
            return fail_errno(errno, "cannot create " + part);
    }
    return {};
}

}  // namespace

Result<std::string> known_hosts_folder() {
    errno = 0;
    const passwd *account = getpwuid(getuid());
    if (account == nullptr || account->pw_dir == nullptr || *account->pw_dir != '/')
        return fail(ENOENT, "you have no home, in which to keep the guests' host keys");
    return concat(account->pw_dir, "/.local/state/qemunit/known_hosts");
}

Result<std::string> known_hosts_file(const std::string &folder, const std::string &uuid,
                                     const std::string &scope, const std::string &vm) {
    if (auto made = make_folders(folder); !made)
        return std::unexpected(made.error());
    return uuid.empty() ? concat(folder, "/", scope, ":", vm) : concat(folder, "/", uuid);
}

Result<> link_known_hosts(const std::string &folder, const std::string &target,
                          const std::string &file) {
    const std::string link = concat(folder, "/", target);
    if (auto made = make_folders(link.substr(0, link.rfind('/'))); !made)
        return made;
    // Renamed over the old one: two may do this at once.
    const std::string unfinished = concat(link, ".", std::to_string(getpid()));
    if (symlink(file.c_str(), unfinished.c_str()) != 0)
        return fail_errno(errno, "cannot create " + unfinished);
    struct stat status {};
    const bool is_in_the_way =
        lstat(link.c_str(), &status) == 0 && (status.st_mode & S_IFMT) != S_IFLNK;
    if (is_in_the_way || rename(unfinished.c_str(), link.c_str()) != 0) {
        const int code = is_in_the_way ? EEXIST : errno;
        unlink(unfinished.c_str());
        return fail_errno(code, "cannot create the link " + link);
    }
    return {};
}

}  // namespace qemunit::ctl
