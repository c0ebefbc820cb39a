// SPDX-License-Identifier: MIT
#include "ctl/output/safe_output.h"

#include <unistd.h>

#include <cerrno>
#include <string>

#include "ctl/output/printable.h"

namespace qemunit::ctl {

namespace {

// A plain struct: the C library flushes its files when destructors have run, and uses it then.
struct SafeFile {
    int fd;
    Printable text;
};
SafeFile safe_out{STDOUT_FILENO, {}}, safe_error{STDERR_FILENO, {}};
FILE *terminal = nullptr;

bool write_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = write(fd, bytes.data(), bytes.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

// As fopencookie(3) wants it: 0 is an error.
ssize_t write_safely(void *cookie, const char *bytes, std::size_t size) {
    auto &file = *static_cast<SafeFile *>(cookie);
    return write_all(file.fd, file.text.feed({bytes, size})) ? static_cast<ssize_t>(size) : 0;
}

// If there is no memory, `file` stays as it is.
void make_safe(FILE *&file, SafeFile &safe, int buffering) {
    if (isatty(safe.fd) != 1)
        return;
    cookie_io_functions_t functions{};
    functions.write = write_safely;
    FILE *opened = fopencookie(&safe, "w", functions);
    if (!opened)
        return;
    setvbuf(opened, nullptr, buffering, BUFSIZ);
    file = opened;  // glibc: "assigning to stdout" in its manual
}

}  // namespace

void make_output_safe() {
    terminal = stdout;
    make_safe(stdout, safe_out, _IOLBF);
    make_safe(stderr, safe_error, _IONBF);
}

FILE *terminal_output() {
    return terminal ? terminal : stdout;
}

}  // namespace qemunit::ctl
