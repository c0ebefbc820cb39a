// SPDX-License-Identifier: MIT
#include "ctl/new/disk_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <linux/fs.h>
#include <pwd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <string>

#include "common/files/disk_image.h"
#include "common/unique_fd.h"
#include "ctl/output/table.h"

namespace qemunit::ctl {

namespace {

constexpr char kQemuImg[] = "/usr/bin/qemu-img";
// As qemu-image@.service has it: who takes an image apart is not root.
constexpr char kImageUser[] = "qemunit";
constexpr uint64_t kReserve = 64 << 20;  // for everybody else on that file system

Result<> check_room(const Image &image, int source, int folder) {
    struct stat info {};
    struct statvfs room{};
    if (fstat(source, &info) != 0 || fstatvfs(folder, &room) != 0)
        return {};  // the copy will tell
    const uint64_t needed =
        S_ISREG(info.st_mode) ? static_cast<uint64_t>(info.st_blocks) * 512 : image.size;
    const uint64_t free = room.f_bavail * room.f_frsize;
    if (needed + kReserve <= free)
        return {};
    return fail(ENOSPC,
                fmt::format("a copy of {} needs {}, with {} kept free for others, and there is {} "
                            "left; without --full-copy, the disk is a layer on the image, and "
                            "needs what the guest writes",
                            image.path, size_text(needed), size_text(kReserve), size_text(free)));
}

// Of an image that somebody writes to, a copy holds some of what it was and some of what it became.
bool has_changed(const struct stat &before, int file) {
    struct stat now {};
    return fstat(file, &now) != 0 || now.st_size != before.st_size ||
           now.st_mtim.tv_sec != before.st_mtim.tv_sec ||
           now.st_mtim.tv_nsec != before.st_mtim.tv_nsec;
}

Result<> copy_range(int from, int to, off_t begin, off_t end,
                    const volatile std::sig_atomic_t *stops) {
    static char buffer[1 << 18];
    for (off_t at = begin; at < end;) {
        if (stops && *stops != 0)
            return fail(EINTR, "interrupted");
        const auto wanted =
            std::min<std::size_t>(static_cast<std::size_t>(end - at), sizeof buffer);
        const ssize_t n = pread(from, buffer, wanted, at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_errno(n < 0 ? errno : EIO, "cannot read it");
        for (ssize_t done = 0; done < n;) {
            const ssize_t written = pwrite(to, buffer + done, static_cast<std::size_t>(n - done),
                                           at + static_cast<off_t>(done));
            if (written < 0 && errno == EINTR)
                continue;
            if (written <= 0)
                return fail_errno(written < 0 ? errno : EIO, "cannot write the copy");
            done += written;
        }
        at += n;
    }
    return {};
}

int run_qemu_img(int disk, std::vector<std::string> words, const passwd *user) {
    words.insert(words.begin(), kQemuImg);
    std::vector<char *> argv;
    for (std::string &word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    const pid_t child = fork();
    if (child < 0)
        return -1;
    if (child == 0) {
        fcntl(disk, F_SETFD, 0);
        if (user != nullptr &&
            (setgroups(0, nullptr) != 0 || setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0))
            _exit(126);
        execv(kQemuImg, argv.data());
        _exit(127);
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Result<> grow(const Image &image, uint64_t size, int disk) {
    if (image.format == "raw")
        return ftruncate(disk, static_cast<off_t>(size)) == 0
                   ? Result<>()
                   : fail_errno(errno, "cannot make it larger");
    return change_image(disk, {"resize", "-q", "-f", "qcow2", fmt::format("/proc/self/fd/{}", disk),
                               fmt::to_string(size)});
}

}  // namespace

Result<> change_image(int image, std::vector<std::string> words) {
    const passwd *user = geteuid() == 0 ? getpwnam(kImageUser) : nullptr;
    if (geteuid() == 0 && user == nullptr)
        return fail(ENOENT, fmt::format("there is no user '{}' to run qemu-img as", kImageUser));
    if (user != nullptr && fchown(image, user->pw_uid, user->pw_gid) != 0)
        return fail_errno(errno, "cannot hand it to qemu-img");
    const int status = run_qemu_img(image, std::move(words), user);
    if (user != nullptr && fchown(image, 0, 0) != 0)
        return fail_errno(errno, "cannot take it back");
    if (status == 127)
        return fail(ENOENT, fmt::format("cannot run {}; is qemu-utils installed?", kQemuImg));
    return status == 0 ? Result<>() : fail(EIO, "qemu-img could not change it");
}

Result<> copy_bytes(int from, int to, const volatile std::sig_atomic_t *stops) {
    const off_t length = lseek(from, 0, SEEK_END);
    if (length < 0)
        return fail_errno(errno, "cannot read it");
    if (ioctl(to, FICLONE, from) == 0)
        return {};
    if (ftruncate(to, length) != 0)
        return fail_errno(errno, "cannot write the copy");
    for (off_t at = 0; at < length;) {
        off_t data = lseek(from, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO)
            return {};  // nothing but a hole is left
        if (data < 0)
            return copy_range(from, to, at, length, stops);  // it knows no holes
        const off_t hole = lseek(from, data, SEEK_HOLE);
        const off_t end = hole < 0 ? length : hole;
        if (auto copied = copy_range(from, to, data, end, stops); !copied)
            return copied;
        at = end;
    }
    return {};
}

Result<NewFile> copy_disk(const Image &image, uint64_t size, int folder, const std::string &name) {
    const auto cannot = [&](const Error &why) {
        return fail(why.code, fmt::format("cannot copy {}: {}", image.path, why.message));
    };
    const UniqueFd source = open_image(image.path);
    if (!source)
        return fail_errno(errno, "cannot open " + image.path);
    struct stat before {};
    if (fstat(source.get(), &before) != 0)
        return fail_errno(errno, "cannot look at " + image.path);
    if (auto room = check_room(image, source.get(), folder); !room)
        return std::unexpected(room.error());
    auto file = NewFile::create(folder, name);
    if (!file)
        return cannot(file.error());
    if (auto copied = copy_bytes(source.get(), file->fd()); !copied)
        return cannot(copied.error());
    if (has_changed(before, source.get()))
        return cannot({EBUSY, "somebody writes to it; try again when that has ended"});
    if (size > image.size)
        if (auto grown = grow(image, size, file->fd()); !grown)
            return cannot(grown.error());
    if (fsync(file->fd()) != 0)
        return cannot({errno, std::string("cannot write the copy: ") + std::strerror(errno)});
    return file;
}

}  // namespace qemunit::ctl
