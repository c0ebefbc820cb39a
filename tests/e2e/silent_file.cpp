// SPDX-License-Identifier: MIT
//
// The kernel's protocol by itself (linux/fuse.h): the root of the file system is the one file.
#include "tests/e2e/silent_file.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <vector>

namespace qemunit::e2e {

SilentFile::SilentFile(std::string path, unsigned size)
    : path_(std::move(path)),
      size_(size),
      device_(open("/dev/fuse", O_RDWR | O_CLOEXEC)),
      begun_(eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE)) {
    std::ofstream(path_).close();
    const std::string options =
        "fd=" + std::to_string(device_.get()) + ",rootmode=100000,user_id=0,group_id=0,allow_other";
    is_mounted_ = device_ && mount("silent", path_.c_str(), "fuse", MS_NODEV | MS_NOSUID,
                                   options.c_str()) == 0;
    if (is_mounted_)
        thread_ = std::thread([this] { serve(); });
}

SilentFile::~SilentFile() {
    if (is_mounted_) {
        umount2(path_.c_str(), MNT_FORCE);  // ends what waits
        umount2(path_.c_str(), MNT_DETACH);
        thread_.join();
    }
    unlink(path_.c_str());
}

bool SilentFile::wait_for_readers(int readers) {
    pollfd begun{begun_.get(), POLLIN, 0};
    for (uint64_t one = 0; readers > 0; --readers)
        if (poll(&begun, 1, 30'000) != 1 || read(begun_.get(), &one, sizeof one) < 0)
            return false;
    return true;
}

void SilentFile::answer(unsigned long long unique, int error, const void *data,
                        unsigned long size) {
    fuse_out_header header{};
    header.len = static_cast<uint32_t>(sizeof header + size);
    header.error = -error;
    header.unique = unique;
    iovec parts[] = {{&header, sizeof header}, {const_cast<void *>(data), size}};
    (void)!writev(device_.get(), parts, 2);
}

void SilentFile::serve() {
    std::vector<char> buffer(1 << 17);
    for (;;) {
        const ssize_t n = read(device_.get(), buffer.data(), buffer.size());
        if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == ENOENT))
            continue;
        if (n <= 0)
            return;  // ENODEV: nothing is mounted any more
        fuse_in_header request;
        std::memcpy(&request, buffer.data(), sizeof request);
        if (request.opcode == FUSE_INIT) {
            fuse_init_out init{};
            init.major = FUSE_KERNEL_VERSION;
            init.minor = 31;
            init.max_write = 4096;
            answer(request.unique, 0, &init, sizeof init);
        } else if (request.opcode == FUSE_GETATTR) {
            fuse_attr_out out{};
            out.attr_valid = 3600;
            out.attr.ino = FUSE_ROOT_ID;
            out.attr.mode = S_IFREG | 0666;
            out.attr.nlink = 1;
            out.attr.size = size_;
            answer(request.unique, 0, &out, sizeof out);
        } else if (request.opcode == FUSE_OPEN) {
            fuse_open_out opened{};
            opened.open_flags = FOPEN_DIRECT_IO;
            answer(request.unique, 0, &opened, sizeof opened);
        } else if (request.opcode == FUSE_READ) {
            const uint64_t one = 1;
            (void)!write(begun_.get(), &one, sizeof one);
        } else if (request.opcode == FUSE_RELEASE) {
            answer(request.unique, 0, nullptr, 0);
        } else if (request.opcode != FUSE_FORGET && request.opcode != FUSE_BATCH_FORGET &&
                   request.opcode != FUSE_INTERRUPT) {
            answer(request.unique, ENOSYS, nullptr, 0);
        }
    }
}

}  // namespace qemunit::e2e
