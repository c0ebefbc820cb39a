// SPDX-License-Identifier: MIT
#include "common/files/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

namespace qemunit {

namespace {

// flock(2) has no deadline of its own, but a signal interrupts it.
class Alarm {
  public:
    explicit Alarm(unsigned seconds) {
        struct sigaction action{};
        action.sa_handler = [](int) {
        };
        sigaction(SIGALRM, &action, &before_);
        alarm(seconds);
    }
    ~Alarm() {
        alarm(0);
        sigaction(SIGALRM, &before_, nullptr);
    }
    Alarm(const Alarm &) = delete;
    Alarm &operator=(const Alarm &) = delete;

  private:
    struct sigaction before_{};
};

Result<UniqueFd> open_lock(const std::string &path) {
    UniqueFd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR));
    return file ? Result<UniqueFd>(std::move(file)) : fail_errno(errno, "cannot open " + path);
}

}  // namespace

Result<> lock_within(int file, unsigned seconds) {
    const Alarm alarm(seconds);
    return flock(file, LOCK_EX) == 0 ? Result<>() : fail_errno(errno, "cannot lock the file");
}

Result<UniqueFd> lock_file(const std::string &path, unsigned seconds) {
    auto file = open_lock(path);
    if (!file)
        return file;
    if (auto locked = lock_within(file->get(), seconds); !locked)
        return std::unexpected(locked.error());
    return file;
}

Result<UniqueFd> try_lock_file(const std::string &path) {
    auto file = open_lock(path);
    if (file && flock(file->get(), LOCK_EX | LOCK_NB) != 0)
        return fail_errno(errno, "cannot lock " + path);
    return file;
}

}  // namespace qemunit
