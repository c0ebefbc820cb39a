// SPDX-License-Identifier: MIT
//
// QEMU and its tools lock single bytes of an image (block/file-posix.c): who writes has a lock for
// reading on RAW_LOCK_PERM_BASE + 1.
#include "ctl/backup/image_use.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

namespace qemunit::ctl {

namespace {

constexpr off_t kWriterByte = 100 + 1;

bool has_writer(int image) {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    lock.l_start = kWriterByte;
    lock.l_len = 1;
    return fcntl(image, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace

Result<> ImageUse::look() {
    if (has_writer(image_))
        return fail(EBUSY,
                    "somebody writes to it: another VM, a program such as qemu-nbd, or the VM "
                    "itself on another host");
    struct statx info {};
    // A network file system asks its server, and does not say what it has heard a while ago.
    if (statx(image_, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_SIZE | STATX_MTIME, &info) !=
        0)
        return fail_errno(errno, "cannot look at it");
    bytes_ = info.stx_size;
    changed_sec_ = info.stx_mtime.tv_sec;
    changed_nsec_ = info.stx_mtime.tv_nsec;
    return {};
}

Result<ImageUse> ImageUse::begin(int image) {
    ImageUse use(image);
    if (auto looked = use.look(); !looked)
        return std::unexpected(looked.error());
    return use;
}

Result<> ImageUse::end() const {
    ImageUse now(image_);
    if (auto looked = now.look(); !looked)
        return looked;
    if (now.bytes_ != bytes_ || now.changed_sec_ != changed_sec_ ||
        now.changed_nsec_ != changed_nsec_)
        return fail(EBUSY, "somebody has written to it while it was copied; nothing is kept");
    return {};
}

}  // namespace qemunit::ctl
