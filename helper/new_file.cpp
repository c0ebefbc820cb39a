// SPDX-License-Identifier: MIT
#include "helper/new_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "common/unique_fd.h"

namespace qemunit {

namespace {

Result<> copy_content(int from, int to) {
    struct stat info {};
    if (fstat(from, &info) != 0)
        return fail_errno(errno, "cannot read it");
    for (off_t done = 0; done < info.st_size;) {
        const ssize_t n =
            sendfile(to, from, nullptr, static_cast<std::size_t>(info.st_size - done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_errno(n < 0 ? errno : EIO, "cannot copy it");
        done += n;
    }
    if (fsync(to) != 0)
        return fail_errno(errno, "cannot write it");
    return {};
}

}  // namespace

Result<> publish(const std::string &temporary, const std::string &path) {
    if (renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) == 0)
        return {};
    if (errno != EINVAL)
        return fail_errno(errno, fmt::format("cannot create {}", path));
    // A file system without that flag; a link does not replace anything either.
    if (link(temporary.c_str(), path.c_str()) != 0)
        return fail_errno(errno, fmt::format("cannot create {}", path));
    unlink(temporary.c_str());
    return {};
}

Result<> copy_once(const std::string &from, const std::string &to) {
    if (access(to.c_str(), F_OK) == 0)
        return {};
    const UniqueFd source(open(from.c_str(), O_RDONLY | O_CLOEXEC));
    if (!source)
        return fail_errno(errno, fmt::format("cannot open {}", from));
    const std::string temporary = to + ".new";
    unlink(temporary.c_str());  // of a copy that was cut short
    const UniqueFd target(
        open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!target)
        return fail_errno(errno, fmt::format("cannot create {}", temporary));
    if (auto copied = copy_content(source.get(), target.get()); !copied)
        return fail(copied.error().code, fmt::format("{}: {}", from, copied.error().message));
    return publish(temporary, to);
}

}  // namespace qemunit
