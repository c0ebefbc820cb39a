// SPDX-License-Identifier: MIT
#include "ctl/console/output_queue.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace qemunit::ctl {

Result<std::unique_ptr<OutputQueue>> OutputQueue::create(sd_event *event, UniqueFd fd,
                                                         Callbacks callbacks) {
    std::unique_ptr<OutputQueue> output(new OutputQueue(std::move(fd), std::move(callbacks)));
    auto watch = FdWatch::create(event, output->fd_.get(), 0, "an output",
                                 [&self = *output](uint32_t revents) { self.serve(revents); });
    if (watch)
        output->watch_ = std::move(*watch);
    else if (watch.error().code != EPERM)  // epoll_ctl(2): a regular file
        return std::unexpected(watch.error());
    return output;
}

void OutputQueue::serve(uint32_t revents) {
    // The other side is gone; without a queue, no write() would say so.
    if (revents & (EPOLLERR | EPOLLHUP))
        watch_.reset();
    if (watch_ && flush())
        callbacks_.written();
    else
        callbacks_.broken();
}

void OutputQueue::write(std::string_view bytes) {
    queue_ += bytes;
    if (!flush())
        callbacks_.broken();
}

bool OutputQueue::flush() {
    while (!queue_.empty()) {
        const ssize_t n = ::write(fd_.get(), queue_.data(), queue_.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            break;
        if (n < 0) {
            queue_.clear();
            watch_.reset();
            return false;
        }
        queue_.erase(0, static_cast<std::size_t>(n));
    }
    watch_.set_events(queue_.empty() ? 0u : uint32_t{EPOLLOUT});
    return true;
}

UniqueFd reopen_for_writing(int fd) {
    struct stat info {};
    // A regular file is not opened anew: it would be written from its beginning.
    if (fstat(fd, &info) == 0 && (S_ISCHR(info.st_mode) || S_ISFIFO(info.st_mode))) {
        UniqueFd own(open(("/proc/self/fd/" + std::to_string(fd)).c_str(),
                          O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
        if (own)
            return own;
    }
    return UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

}  // namespace qemunit::ctl
