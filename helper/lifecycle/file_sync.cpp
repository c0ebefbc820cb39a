// SPDX-License-Identifier: MIT
#include "helper/lifecycle/file_sync.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>

namespace qemunit::helper {

namespace {

constexpr off_t kPiece = off_t{16} << 20;  // bytes; a slow disk writes it in a second or two

// What the child reports: a piece is done, all is done, or else an errno.
constexpr int32_t kPieceDone = -1, kAllDone = 0;

bool report(int fd, int32_t what) {
    return write(fd, &what, sizeof what) == sizeof what;
}

int sync_in_child(int file, int reports) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    struct stat status {};
    if (fstat(file, &status) != 0)
        status.st_size = 0;
    // sync_file_range() shows progress, which fsync() does not. Where it fails, fsync() does the
    // work.
    for (off_t at = 0; at < status.st_size; at += kPiece) {
        sync_file_range(
            file, at, kPiece,
            SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
        if (!report(reports, kPieceDone))
            return EXIT_FAILURE;  // nobody waits any more
    }
    return report(reports, fsync(file) == 0 ? kAllDone : errno) ? EXIT_SUCCESS : EXIT_FAILURE;
}

}  // namespace

Result<std::unique_ptr<FileSync>> FileSync::start(sd_event *event, int fd,
                                                  std::function<void()> on_progress,
                                                  std::function<void(Result<>)> done) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail_errno(errno, "cannot create a pipe");
    std::unique_ptr<FileSync> sync(new FileSync(std::move(on_progress), std::move(done)));
    sync->reports_.reset(ends[0]);
    UniqueFd writing(ends[1]);
    sync->child_ = fork();
    if (sync->child_ == 0)
        _exit(sync_in_child(fd, writing.get()));
    if (sync->child_ < 0)
        return fail_errno(errno, "cannot fork");
    auto io = FdWatch::create(event, sync->reports_.get(), EPOLLIN, "a pipe",
                              [&sync = *sync](uint32_t) { sync.take_report(); });
    if (!io)
        return std::unexpected(io.error());
    sync->io_ = std::move(*io);
    return sync;
}

void FileSync::take_report() {
    int32_t what = 0;
    const ssize_t n = read(reports_.get(), &what, sizeof what);
    if (n == sizeof what && what == kPieceDone) {
        on_progress_();
        return;
    }
    io_.reset();
    const auto done = std::move(done_);
    if (n != sizeof what)
        done(fail(EIO, "whoever writes it to the disk was killed"));
    else if (what != kAllDone)
        done(fail_errno(what, "fsync"));
    else
        done({});
}

FileSync::~FileSync() {
    if (child_ <= 0)
        return;
    // The child ends at once by this, unless it waits for a disk that does not answer.
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, WNOHANG);
}

}  // namespace qemunit::helper
