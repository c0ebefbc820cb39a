// SPDX-License-Identifier: MIT
#include "helper/init/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <initializer_list>

#include "common/run/protocol.h"
#include "helper/init/end.h"

namespace qemunit::init {

namespace {

constexpr int kMostWords = 4096;

// What the command has, and what we have of that.
struct Streams {
    int input = -1, output = -1, errors = -1;
    CommandEnds ours;
};

struct Pipe {
    int reading = -1, writing = -1;
};

Pipe make_pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        give_up("cannot make a pipe: %s", strerror(errno));
    return {ends[0], ends[1]};
}

Streams make_pipes() {
    const Pipe input = make_pipe(), output = make_pipe(), errors = make_pipe();
    return {input.reading,
            output.writing,
            errors.writing,
            {input.writing, output.reading, errors.reading, false}};
}

// pts(4). The peer is opened by the other end, whatever stands at /dev/pts (TIOCGPTPEER).
Streams make_terminal(const char *size) {
    const int ours = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    int is_locked = 0;
    int theirs = -1;
    if (ours >= 0 && ioctl(ours, TIOCSPTLCK, &is_locked) == 0)
        theirs = ioctl(ours, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    const int input = fcntl(ours, F_DUPFD_CLOEXEC, 3);
    if (theirs < 0 || input < 0)
        give_up("cannot make a terminal: %s", strerror(errno));
    set_window(ours, size);
    return {theirs, theirs, theirs, {input, ours, -1, true}};
}

[[noreturn]] void become_command(const Job &job, const Streams &streams) {
    setsid();
    if (streams.ours.is_terminal)
        ioctl(streams.input, TIOCSCTTY, 0);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    signal(SIGPIPE, SIG_DFL);
    dup2(streams.input, STDIN_FILENO);
    dup2(streams.output, STDOUT_FILENO);
    dup2(streams.errors, STDERR_FILENO);
    clearenv();
    for (char *value = next_value(job, run::kEnvironment); value;
         value = next_value(job, run::kEnvironment, value))
        putenv(value);
    const char *folder = next_value(job, run::kFolder);
    if (folder == nullptr || chdir(folder) != 0)
        (void)!chdir("/");
    static char *words[kMostWords + 1];
    int count = 0;
    for (char *word = next_value(job, run::kArgument); word && count < kMostWords;
         word = next_value(job, run::kArgument, word))
        words[count++] = word;
    execvp(words[0], words);
    const int error = errno;
    dprintf(STDERR_FILENO, "qemunitctl run: cannot run %s in the guest: %s\n", words[0],
            strerror(error));
    _exit(error == ENOENT ? 127 : 126);
}

}  // namespace

void set_window(int terminal, const char *rows_and_columns) {
    winsize size{};
    if (sscanf(rows_and_columns, "%hu %hu", &size.ws_row, &size.ws_col) == 2)
        ioctl(terminal, TIOCSWINSZ, &size);
}

StartedCommand start_command(const Job &job) {
    const char *size = next_value(job, run::kTerminal);
    const Streams streams = size ? make_terminal(size) : make_pipes();
    const pid_t command = fork();
    if (command < 0)
        give_up("cannot fork: %s", strerror(errno));
    if (command == 0)
        become_command(job, streams);
    close(streams.input);
    if (!streams.ours.is_terminal) {
        close(streams.output);
        close(streams.errors);
    }
    for (const int fd : {streams.ours.input, streams.ours.output, streams.ours.errors})
        if (fd >= 0)
            fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    return {command, streams.ours};
}

}  // namespace qemunit::init
