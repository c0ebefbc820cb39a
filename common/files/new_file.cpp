// SPDX-License-Identifier: MIT
#include "common/files/new_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "common/files/free_name.h"

namespace qemunit {

Result<NewFile> NewFile::create(int folder, std::string name, Kind kind) {
    constexpr int kFlags = O_RDWR | O_CLOEXEC;
    NewFile file(folder, std::move(name));
    const std::string temporary = "." + file.name_ + ".new";
    unlinkat(folder, temporary.c_str(), 0);  // of a run that was cut short
    if (kind == Kind::nameless)
        file.fd_ = UniqueFd(openat(folder, ".", kFlags | O_TMPFILE, S_IRUSR | S_IWUSR));
    // EISDIR comes from a kernel, or a file system, that does not know the flag.
    if (!file.fd_ && (kind == Kind::named || errno == EOPNOTSUPP || errno == EISDIR)) {
        file.fd_ = UniqueFd(openat(folder, temporary.c_str(),
                                   kFlags | O_CREAT | O_EXCL | O_NOFOLLOW, S_IRUSR | S_IWUSR));
        if (file.fd_)
            file.temporary_ = temporary;
    }
    if (!file.fd_)
        return fail_errno(errno, "cannot create " + file.name_);
    return file;
}

NewFile::NewFile(NewFile &&other) noexcept
    : folder_(other.folder_),
      name_(std::move(other.name_)),
      temporary_(std::exchange(other.temporary_, {})),
      fd_(std::move(other.fd_)) {}

NewFile::~NewFile() {
    if (!temporary_.empty())
        unlinkat(folder_, temporary_.c_str(), 0);
}

Result<> NewFile::fill_from(int from) {
    struct stat info {};
    if (fstat(from, &info) != 0)
        return fail_errno(errno, "cannot read it");
    for (off_t done = 0; done < info.st_size;) {
        const ssize_t n =
            sendfile(fd(), from, &done, static_cast<std::size_t>(info.st_size - done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_errno(n < 0 ? errno : EIO, "cannot copy it");
    }
    if (fsync(fd()) != 0)
        return fail_errno(errno, "cannot write it");
    return {};
}

Result<> NewFile::publish() {
    int failed = 0;
    if (!temporary_.empty())
        failed = move_to_free_name(folder_, temporary_, folder_, name_);
    // open(2) shows this way; the other one, AT_EMPTY_PATH, takes a capability.
    else if (linkat(AT_FDCWD, fmt::format("/proc/self/fd/{}", fd()).c_str(), folder_, name_.c_str(),
                    AT_SYMLINK_FOLLOW) != 0)
        failed = errno;
    if (failed != 0)
        return fail_errno(failed, "cannot create " + name_);
    temporary_.clear();
    return {};
}

Result<> NewFile::replace() {
    if (temporary_.empty())
        return fail(EINVAL, "cannot replace " + name_ + " by a file without a name");
    if (renameat(folder_, temporary_.c_str(), folder_, name_.c_str()) != 0)
        return fail_errno(errno, "cannot replace " + name_);
    temporary_.clear();
    return {};
}

Result<> copy_once(const std::string &from, const std::string &to) {
    if (access(to.c_str(), F_OK) == 0)
        return {};
    const UniqueFd source(open(from.c_str(), O_RDONLY | O_CLOEXEC));
    if (!source)
        return fail_errno(errno, fmt::format("cannot open {}", from));
    const std::size_t slash = to.rfind('/') + 1;
    const std::string parent = slash == 0 ? "." : to.substr(0, slash);
    const UniqueFd folder(open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder)
        return fail_errno(errno, fmt::format("cannot create {}", to));
    // Named, since a nameless file is published through /proc, which the sandbox of a VM lacks.
    auto target = NewFile::create(folder.get(), to.substr(slash), NewFile::Kind::named);
    if (!target)
        return fail_errno(target.error().code, fmt::format("cannot create {}", to));
    if (auto copied = target->fill_from(source.get()); !copied)
        return fail(copied.error().code, fmt::format("{}: {}", from, copied.error().message));
    auto published = target->publish();
    return published ? published
                     : fail_errno(published.error().code, fmt::format("cannot create {}", to));
}

}  // namespace qemunit
