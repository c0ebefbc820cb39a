// SPDX-License-Identifier: MIT
//
// A process and no thread: one that waits for a FUSE file system for ever would keep all of
// qemunitd from ending. It has nothing but the file and a pipe, so that it holds no connection of
// ours open.
#include "bus/access/file_beginning.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <map>
#include <memory>
#include <utility>

#include "common/fd_watch.h"
#include "common/timer.h"
#include "common/unique_fd.h"

namespace qemunit::bus {

namespace {

constexpr std::size_t kMost = 4096;  // a pipe takes it at once (PIPE_BUF)

// A process that reads, until it has ended: its answer may be given up long before.
struct Reader {
    std::string whose;
    uint64_t begun = 0;
    pid_t process = -1;
    UniqueFd handle, answer;
    FdWatch ended, answered;
    EventSourcePtr timer;
    std::function<void(Result<std::string>)> read;
};

std::map<pid_t, std::unique_ptr<Reader>> &readers() {
    static std::map<pid_t, std::unique_ptr<Reader>> all;
    return all;
}

void give(Reader &reader, Result<std::string> answer) {
    reader.timer.reset();
    reader.answered.reset();
    reader.answer.reset();
    if (const auto read = std::exchange(reader.read, nullptr))
        read(std::move(answer));
}

// What the process has sent: an errno, and the bytes.
void take_answer(Reader &reader) {
    std::array<char, sizeof(int) + kMost> bytes;
    const ssize_t n = ::read(reader.answer.get(), bytes.data(), bytes.size());
    int error = EIO;
    if (n < static_cast<ssize_t>(sizeof error))
        return give(reader, fail(EIO, "the file could not be read"));
    std::copy_n(bytes.data(), sizeof error, reinterpret_cast<char *>(&error));
    if (error != 0)
        return give(reader, fail_errno(error, "the file cannot be read"));
    give(reader,
         std::string(bytes.data() + sizeof error, static_cast<std::size_t>(n) - sizeof error));
}

void bury(pid_t process) {
    waitpid(process, nullptr, WNOHANG);
    const auto reader = readers().extract(process);
    if (reader)
        give(*reader.mapped(), fail(EIO, "the file could not be read"));
}

// In the new process: only calls of the kernel.
[[noreturn]] void read_into(int file, int answer, std::size_t size) {
    // Not longer than qemunitd, as far as it can be killed.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || dup2(file, STDIN_FILENO) < 0 ||
        dup2(answer, STDOUT_FILENO) < 0 || syscall(SYS_close_range, STDERR_FILENO, ~0U, 0) != 0)
        _exit(1);
    static std::array<char, sizeof(int) + kMost> bytes;
    const ssize_t n = pread(STDIN_FILENO, bytes.data() + sizeof(int), size, 0);
    const int error = n < 0 ? errno : 0;
    std::copy_n(reinterpret_cast<const char *>(&error), sizeof error, bytes.data());
    const auto length = sizeof error + static_cast<std::size_t>(std::max<ssize_t>(n, 0));
    _exit(write(STDOUT_FILENO, bytes.data(), length) == static_cast<ssize_t>(length) ? 0 : 1);
}

Result<> start(sd_event *event, Reader &reader, int file, std::size_t size, uint64_t deadline) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail_errno(errno, "cannot make a pipe");
    reader.answer = UniqueFd(ends[0]);
    const UniqueFd answer(ends[1]);
    // Above the standard streams, which the new process gives to the two.
    const UniqueFd input(fcntl(file, F_DUPFD_CLOEXEC, STDERR_FILENO + 1)),
        output(fcntl(answer.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!input || !output)
        return fail_errno(errno, "cannot read the file");
    reader.process = fork();
    if (reader.process < 0)
        return fail_errno(errno, "cannot make a process that reads the file");
    if (reader.process == 0)
        read_into(input.get(), output.get(), size);
    reader.handle = UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, reader.process, 0)));
    auto ended = FdWatch::create(
        event, reader.handle.get(), EPOLLIN, "a process",
        [process = reader.process](uint32_t) { bury(process); },
        SD_EVENT_PRIORITY_NORMAL + 1);  // after its answer
    auto answered = FdWatch::create(event, reader.answer.get(), EPOLLIN, "a pipe",
                                    [&reader](uint32_t) { take_answer(reader); });
    auto timer = start_timer(event, deadline, [&reader] {
        kill(reader.process, SIGKILL);
        give(reader, fail(ETIMEDOUT, "its file system does not answer"));
    });
    if (!reader.handle || !ended || !answered || !timer) {
        kill(reader.process, SIGKILL);
        return fail(EIO, "cannot watch the process that reads the file");
    }
    reader.ended = std::move(*ended);
    reader.answered = std::move(*answered);
    reader.timer = std::move(*timer);
    return {};
}

}  // namespace

void read_beginning(sd_event *event, const std::string &whose, int file, std::size_t size,
                    uint64_t deadline, std::function<void(Result<std::string>)> read) {
    auto &all = readers();
    const uint64_t now = monotonic_now(event);
    std::size_t its = 0, slow = 0;
    for (const auto &[process, other] : all)
        if (other->whose == whose) {
            ++its;
            slow += now - other->begun > kSecond;
        }
    if (all.size() >= kReadersMax || its >= kReadersOfUser || slow >= kSlowReadersOfUser)
        return read(fail(EUSERS,
                         "files of other calls, whose file systems have not answered yet, "
                         "are still being read"));
    auto reader = std::make_unique<Reader>();
    reader->whose = whose;
    reader->begun = now;
    if (auto started = start(event, *reader, file, std::min(size, kMost), deadline); !started)
        return read(std::unexpected(started.error()));
    reader->read = std::move(read);
    const pid_t process = reader->process;
    all.emplace(process, std::move(reader));
}

}  // namespace qemunit::bus
