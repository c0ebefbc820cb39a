// SPDX-License-Identifier: MIT
#include "helper/fetch/partial_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "common/files/file_lock.h"
#include "common/files/free_name.h"

namespace qemunit::helper {

namespace {

constexpr unsigned kWaitSeconds = 20;
constexpr uint64_t kReserve = 64 << 20;  // for everybody else on that file system

std::string much(uint64_t bytes) {
    return fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

}  // namespace

Result<PartialFile> PartialFile::open(std::string name, std::string url) {
    PartialFile file(std::move(name), std::move(url));
    // A whole file of an earlier run that nobody took is continued as well: nothing may be missing.
    if (const int failed = move_to_free_name(AT_FDCWD, file.name_, AT_FDCWD, file.part());
        failed != 0 && failed != ENOENT && failed != EEXIST)
        return fail_errno(failed, "cannot rename " + file.name_);
    file.file_ = UniqueFd(
        ::open(file.part().c_str(), O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file.file_)
        return fail_errno(errno, "cannot create " + file.part());
    // One whose qemunitctl was ended may take a moment to find out.
    if (!lock_within(file.file_.get(), kWaitSeconds))
        return fail(EBUSY, "somebody else downloads this at the moment; try again later");
    struct stat info {};
    if (fstat(file.file_.get(), &info) != 0)
        return fail_errno(errno, "cannot look at " + file.part());
    file.size_ = static_cast<uint64_t>(info.st_size);
    file.read_record();
    if (file.version_.empty() && file.size_ != 0)
        if (auto begun = file.begin(""); !begun)
            return std::unexpected(begun.error());
    return file;
}

void PartialFile::read_record() {
    std::ifstream text(record());
    std::string url, version;
    if (std::getline(text, url) && std::getline(text, version) && url == url_)
        version_ = version;
}

Result<> PartialFile::begin(const std::string &version) {
    // First the bytes go, then the record changes: it never says more than there is.
    if (ftruncate(file_.get(), 0) != 0)
        return fail_errno(errno, "cannot empty " + part());
    size_ = 0;
    version_ = version;
    std::ofstream(record(), std::ios::trunc) << url_ << '\n' << version_ << '\n';
    return {};
}

Result<> PartialFile::append(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = write(file_.get(), bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_errno(n < 0 ? errno : EIO, "cannot write " + part());
        size_ += static_cast<uint64_t>(n);
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return {};
}

Result<> PartialFile::check_room(uint64_t more) const {
    struct statvfs room {};
    if (fstatvfs(file_.get(), &room) != 0)
        return {};  // the writes will tell
    const uint64_t free = room.f_bavail * room.f_frsize;
    // Once more for the copy of it that has been checked and is nobody else's.
    const uint64_t needed = more + size_ + more + kReserve;
    if (more == 0 || needed <= free)
        return {};
    return fail(ENOSPC, fmt::format("there is no room: {} are to come, with a copy and some to "
                                    "spare {} are needed, and {} are free",
                                    much(more), much(needed), much(free)));
}

Result<> PartialFile::finish() {
    if (fsync(file_.get()) != 0)
        return fail_errno(errno, "cannot write " + part());
    if (std::rename(part().c_str(), name_.c_str()) != 0)
        return fail_errno(errno, "cannot rename " + part());
    return {};
}

}  // namespace qemunit::helper
