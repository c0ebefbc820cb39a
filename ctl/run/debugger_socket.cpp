// SPDX-License-Identifier: MIT
#include "ctl/run/debugger_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace qemunit::ctl {

namespace {

// Removes the file when what is returned has been closed, also by SIGKILL.
Result<UniqueFd> remove_at_end(const std::string &path) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return fail_errno(errno, "cannot make a pipe");
    const UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);
    const pid_t child = fork();
    if (child < 0)
        return fail_errno(errno, "cannot fork");
    if (child > 0)
        return writing;
    // Of another session, so that no signal of a terminal comes here; with nothing of this program
    // open.
    setsid();
    dup2(reading.get(), STDIN_FILENO);
    close_range(STDIN_FILENO + 1, ~0u, 0);
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) < 0 && errno == EINTR) {
    }
    (void)!unlink(path.c_str());
    _exit(EXIT_SUCCESS);
}

}  // namespace

Result<DebuggerSocket> DebuggerSocket::make(std::string path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path)
        return fail(ENAMETOOLONG, path + " is too long for a socket");
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    // No more rights than these, from its first moment on.
    const mode_t before = umask(0177);
    const bool is_bound = socket && bind(socket.get(), reinterpret_cast<const sockaddr *>(&address),
                                         sizeof address) == 0;
    const int error = errno;
    umask(before);
    if (!is_bound || listen(socket.get(), 1) != 0)
        return fail_errno(is_bound ? errno : error, "cannot make the socket " + path);
    auto remover = remove_at_end(path);
    if (!remover)
        return std::unexpected(remover.error());
    return DebuggerSocket{std::move(path), std::move(socket), std::move(*remover)};
}

}  // namespace qemunit::ctl
