// SPDX-License-Identifier: MIT
#include "helper/hostdev/driver_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>

#include "common/concat.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

namespace {

uint64_t usec_by_now() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

// errno, or 0.
int write_once(const std::string &path, std::string_view text) {
    const UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
    return file && ::write(file.get(), text.data(), text.size()) >= 0 ? 0 : errno;
}

}  // namespace

DriverFiles::DriverFiles(uint64_t patience_usec)
    : patience_usec_(patience_usec), until_usec_(usec_by_now() + patience_usec) {}

Result<> DriverFiles::write(const std::string &path, std::string_view text) const {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail_errno(errno, "cannot create a pipe");
    const UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);
    const pid_t child = fork();
    if (child < 0)
        return fail_errno(errno, "cannot fork");
    if (child == 0) {
        const int code = write_once(path, text);
        _exit(::write(writing.get(), &code, sizeof code) == sizeof code ? 0 : 1);
    }
    writing.reset();
    pollfd answer{.fd = reading.get(), .events = POLLIN, .revents = 0};
    const uint64_t now = usec_by_now();
    const int ready = poll(
        &answer, 1, static_cast<int>((until_usec_ - std::min(until_usec_, now)) / kMillisecond));
    if (ready == 0) {
        kill(child, SIGKILL);  // which waits for the driver as well
        return fail(ETIMEDOUT,
                    fmt::format("the kernel does not return from writing to {} within {:g} s: a "
                                "driver hangs, of which `journalctl -k` may tell more",
                                path, static_cast<double>(patience_usec_) / kSecond));
    }
    int code = EIO;
    const ssize_t n = ready < 0 ? -1 : read(reading.get(), &code, sizeof code);
    waitpid(child, nullptr, 0);
    if (n != sizeof code)
        code = EIO;
    return code == 0 ? Result<>() : fail_errno(code, concat("cannot write to ", path));
}

}  // namespace qemunit::helper
