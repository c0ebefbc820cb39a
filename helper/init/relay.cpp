// SPDX-License-Identifier: MIT
#include "helper/init/relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/run/protocol.h"
#include "helper/init/end.h"

namespace qemunit::init {

namespace {

constexpr size_t kBuffer = 1 << 16;

// Bytes on their way from one descriptor to another one.
struct Stream {
    int from = -1, to = -1;
    size_t filled = 0, sent = 0;
    uint64_t total = 0;          // sent in all
    uint64_t most = UINT64_MAX;  // that will come
    bool has_ended = false;
    bool ends_when_empty = false;
    char buffer[kBuffer];

    bool is_empty() const { return filled == sent; }
    bool is_done() const { return has_ended && is_empty(); }

    // One step in each direction that is ready.
    void move(bool can_read, bool can_write) {
        if (is_empty() && can_read && !has_ended) {
            const ssize_t n = read(from, buffer, sizeof buffer);
            if (n > 0) {
                filled = static_cast<size_t>(n);
                sent = 0;
                can_write = true;
            } else if (n == 0 || (errno == EAGAIN ? ends_when_empty : errno != EINTR)) {
                has_ended = true;
            }
        }
        while (!is_empty() && can_write) {
            const ssize_t n = write(to, buffer + sent, filled - sent);
            if (n > 0) {
                sent += static_cast<size_t>(n);
                total += static_cast<uint64_t>(n);
            } else if (n < 0 && errno == EINTR) {
                continue;
            } else {
                if (n < 0 && errno != EAGAIN)  // nobody reads any more
                    total += filled - sent, sent = filled;
                break;
            }
        }
    }
};

struct Lines {
    char text[256];
    size_t length = 0;
};

Stream input, output, errors, events;
Lines orders;
StartedCommand command;

void take_order(char *line) {
    unsigned long long number = 0;
    if (sscanf(line, "signal %llu", &number) == 1 && number > 0 && number < 65) {
        if (command.process > 0)
            kill(-command.process, static_cast<int>(number));
    } else if (sscanf(line, "input-ends %llu", &number) == 1) {
        input.most = number;
    } else if (strncmp(line, run::kWindow, strlen(run::kWindow)) == 0 && command.ends.is_terminal) {
        set_window(command.ends.output, line + strlen(run::kWindow));
    }
}

// False: the caller has hung up.
bool read_orders(int from) {
    char buffer[256];
    const ssize_t n = read(from, buffer, sizeof buffer);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        return false;
    for (ssize_t i = 0; i < n; ++i) {
        if (buffer[i] == '\n' || orders.length == sizeof orders.text - 1) {
            orders.text[orders.length] = '\0';
            take_order(orders.text);
            orders.length = 0;
        } else {
            orders.text[orders.length++] = buffer[i];
        }
    }
    return true;
}

// Reaps whoever has ended. True once, when the command has.
bool reap(int *status) {
    bool has_ended = false;
    int one = 0;
    pid_t pid;
    while ((pid = waitpid(-1, &one, WNOHANG)) > 0)
        if (pid == command.process) {
            *status = one;
            has_ended = true;
            command.process = -1;
        }
    return has_ended;
}

}  // namespace

int hold_child_signals() {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, nullptr);
    return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

Outcome relay(const StartedCommand &started, const RelayPorts &ports, int child_signals) {
    command = started;
    input.from = ports.input, input.to = command.ends.input;
    output.from = command.ends.output, output.to = ports.output;
    errors.from = command.ends.errors, errors.to = ports.errors;
    errors.has_ended = errors.from < 0;
    events.from = ports.fifo, events.to = ports.events;
    int status = 0;
    bool has_ended = false;
    for (;;) {
        if (input.to >= 0 && input.is_empty() && input.total >= input.most) {
            close(input.to);
            input.to = -1;
        }
        if (events.ends_when_empty && events.is_empty())
            events.move(true, true);
        if (has_ended && output.is_done() && errors.is_done() && events.is_done())
            return {status, output.total, errors.total, events.total};
        pollfd fds[6] = {{ports.control, POLLIN, 0}, {child_signals, POLLIN, 0}};
        nfds_t count = 2;
        Stream *const streams[] = {&input, &output, &errors, &events};
        nfds_t places[4] = {};
        for (int i = 0; i < 4; ++i) {
            Stream &stream = *streams[i];
            const bool reads = stream.is_empty();
            if (stream.is_done() || (i == 0 && stream.to < 0))
                continue;
            places[i] = count;
            fds[count++] = {reads ? stream.from : stream.to,
                            static_cast<short>(reads ? POLLIN : POLLOUT), 0};
        }
        if (poll(fds, count, -1) < 0 && errno != EINTR)
            give_up("cannot wait: %s", strerror(errno));
        if (fds[1].revents) {
            signalfd_siginfo ignored[8];
            (void)!read(child_signals, ignored, sizeof ignored);
            if (reap(&status)) {
                has_ended = true;
                kill(-1, SIGKILL);
                // A fifo that is open here as well does not end.
                events.ends_when_empty = true;
            }
        }
        if (fds[0].revents && !read_orders(ports.control))
            power_off();
        for (int i = 0; i < 4; ++i) {
            if (places[i] == 0 || fds[places[i]].revents == 0)
                continue;
            const bool reads = fds[places[i]].events == POLLIN;
            streams[i]->move(reads, !reads);
        }
    }
}

}  // namespace qemunit::init
