// SPDX-License-Identifier: MIT
#include "common/files/trusted_path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <deque>

namespace qemunit {

namespace {

constexpr int kMostLinks = 40;  // as the kernel has it, path_resolution(7)

bool is_roots_alone(const struct stat &folder) {
    return folder.st_uid == 0 && (folder.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

class Walk {
  public:
    explicit Walk(const std::string &path) : path_(path) { prepend(path); }

    Result<FoundPath> run() {
        if (auto begun = begin(); !begun)
            return std::unexpected(begun.error());
        while (!parts_.empty()) {
            const std::string part = std::move(parts_.front());
            parts_.pop_front();
            if (part == ".." && !is_only_roots_)
                return refuse(part);
            if (auto stepped = step(part); !stepped)
                return std::unexpected(stepped.error());
        }
        return FoundPath{std::move(here_), was_only_roots_, folder_owner_};
    }

  private:
    Result<> begin() {
        struct stat status {};
        here_ = UniqueFd(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
        if (!here_ || fstat(here_.get(), &status) != 0)
            return fail_errno(errno, "cannot open /");
        is_only_roots_ = was_only_roots_ = is_roots_alone(status);
        owner_ = folder_owner_ = status.st_uid;
        return {};
    }

    Result<> step(const std::string &part) {
        struct stat status {};
        UniqueFd next(openat(here_.get(), part.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
        if (!next || fstat(next.get(), &status) != 0)
            return fail_errno(errno, "cannot open " + path_);
        if (S_ISLNK(status.st_mode))
            return follow(part, next);
        was_only_roots_ = is_only_roots_;
        folder_owner_ = owner_;
        if (S_ISDIR(status.st_mode)) {
            // Opened once more, now as a folder: that mounts what is mounted on demand (autofs).
            next = UniqueFd(
                openat(here_.get(), part.c_str(), O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC));
            if (!next || fstat(next.get(), &status) != 0)
                return fail_errno(errno, "cannot open " + path_);
            is_only_roots_ = is_only_roots_ && is_roots_alone(status);
            owner_ = status.st_uid;
        } else if (!parts_.empty()) {
            return fail_errno(ENOTDIR, "cannot open " + path_);
        }
        here_ = std::move(next);
        return {};
    }

    Result<> follow(const std::string &part, const UniqueFd &link) {
        if (!is_only_roots_)
            return refuse(part);
        if (++links_ > kMostLinks)
            return fail_errno(ELOOP, "cannot open " + path_);
        char target[PATH_MAX];
        const ssize_t size = readlinkat(link.get(), "", target, sizeof target);
        if (size <= 0 || size == sizeof target)
            return fail_errno(size < 0 ? errno : ENAMETOOLONG, "cannot read a link in " + path_);
        prepend({target, static_cast<std::size_t>(size)});
        return *target == '/' ? begin() : Result<>();
    }

    std::unexpected<Error> refuse(const std::string &part) const {
        return fail(ELOOP,
                    "cannot open " + path_ + ": '" + part +
                        "' in it is no real folder or file, and lies in a folder that others "
                        "than root can change; name the path that it leads to");
    }

    void prepend(std::string_view text) {
        std::deque<std::string> parts;
        while (!text.empty()) {
            const std::size_t slash = std::min(text.find('/'), text.size());
            if (slash > 0 && text.substr(0, slash) != ".")
                parts.emplace_back(text.substr(0, slash));
            text.remove_prefix(std::min(slash + 1, text.size()));
        }
        parts_.insert(parts_.begin(), parts.begin(), parts.end());
    }

    const std::string &path_;
    std::deque<std::string> parts_;  // still to go
    UniqueFd here_;
    bool is_only_roots_ = false;          // what is in here
    bool was_only_roots_ = false;         // here itself, by its name
    uid_t owner_ = 0, folder_owner_ = 0;  // of here, if it is a folder; of the one before
    int links_ = 0;
};

// Follows no link of /proc/PID/fd and the like, which lead to what this process has open.
UniqueFd open_without_magic(const std::string &path, int flags) {
    open_how how{};
    how.flags = static_cast<uint64_t>(flags);
    how.resolve = RESOLVE_NO_MAGICLINKS;
    return UniqueFd(
        static_cast<int>(syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
}

}  // namespace

Result<FoundPath> find_path(const std::string &path) {
    return Walk(path).run();
}

UniqueFd reopen(const UniqueFd &fd, int flags) {
    return UniqueFd(open(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), flags));
}

Result<UniqueFd> open_for(const Account &account, const std::string &path, int flags) {
    // A pipe without a writer must not hold anybody up.
    flags |= (flags & O_PATH) ? O_CLOEXEC : O_CLOEXEC | O_NOCTTY | O_NONBLOCK;
    const auto found = find_path(path);
    const bool may_be_others = account.uid != geteuid();
    if (!found && found.error().code != ELOOP && !(found.error().code == EACCES && may_be_others))
        return std::unexpected(found.error());
    if (found && found->is_only_roots) {
        UniqueFd file = reopen(found->fd, flags);
        if (file || errno != EACCES || !may_be_others)
            return file ? Result<UniqueFd>(std::move(file))
                        : fail_errno(errno, "cannot open " + path);
    }
    const auto acting = ActingAs::begin(account);
    if (!acting)
        return std::unexpected(acting.error());
    UniqueFd file = open_without_magic(path, flags);
    if (!file)
        return fail_errno(errno, "cannot open " + path + " as user '" + account.name +
                                     "', since others than root can change where it leads");
    return file;
}

}  // namespace qemunit
