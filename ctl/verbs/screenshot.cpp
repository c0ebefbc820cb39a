// SPDX-License-Identifier: MIT
#include "ctl/verbs/screenshot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "common/unique_fd.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

Result<> copy(int from, int to, const std::string &path) {
    char buffer[65536];
    for (;;) {
        const ssize_t n = read(from, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(errno, "cannot read the screenshot");
        if (n == 0)
            return {};
        for (ssize_t done = 0; done < n;) {
            const ssize_t written = write(to, buffer + done, static_cast<std::size_t>(n - done));
            if (written < 0 && errno == EINTR)
                continue;
            if (written < 0)
                return fail_errno(errno, "cannot write " + path);
            done += written;
        }
    }
}

// The file is written beside its place and then renamed, so that nobody ever sees half a picture.
Result<> write_file(int from, const std::string &path) {
    std::string temporary = path + ".XXXXXX";
    const UniqueFd to(mkostemp(temporary.data(), O_CLOEXEC));
    if (!to)
        return fail_errno(errno, "cannot create " + path);
    auto copied = copy(from, to.get(), path);
    const mode_t mask = umask(0);
    umask(mask);
    if (copied &&
        (fchmod(to.get(), 0666 & ~mask) != 0 || rename(temporary.c_str(), path.c_str()) != 0))
        copied = fail_errno(errno, "cannot write " + path);
    if (!copied)
        unlink(temporary.c_str());
    return copied;
}

}  // namespace

Result<int> run_screenshot(const Invocation &invocation) {
    const std::string &path = invocation.arguments[1];
    if (path == "-" && isatty(STDOUT_FILENO))
        return fail(EINVAL, "a picture is no text for a terminal; name a file");
    auto bus = open_bus(invocation);
    if (!bus)
        return std::unexpected(bus.error());
    const auto reply = call_vm(bus->get(), invocation.arguments[0], "Screenshot");
    if (!reply)
        return std::unexpected(reply.error());
    int png = -1;  // the message's
    if (int r = sd_bus_message_read(reply->get(), "h", &png); r < 0)
        return fail_errno(r, "cannot read the answer to Screenshot");
    const auto done =
        path == "-" ? copy(png, STDOUT_FILENO, "to standard output") : write_file(png, path);
    if (!done)
        return std::unexpected(done.error());
    return 0;
}

}  // namespace qemunit::ctl
