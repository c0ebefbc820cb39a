// SPDX-License-Identifier: MIT
#include "metrics/textfile.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "common/unique_fd.h"

namespace qemunit::metrics {

namespace {

bool write_all_of(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = write(fd, text.data(), text.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
}

}  // namespace

// node_exporter reads "*.prom": the file meanwhile is none.
Result<> write_textfile(const std::string &path, const std::string &text) {
    std::string temporary = path + ".XXXXXX";
    const UniqueFd fd(mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd)
        return fail_errno(errno, "cannot create a file beside " + path);
    Result<> done;
    if (!write_all_of(fd.get(), text) || fchmod(fd.get(), 0644) != 0 ||
        rename(temporary.c_str(), path.c_str()) != 0) {
        done = fail_errno(errno, "cannot write " + path);
        unlink(temporary.c_str());
    }
    return done;
}

}  // namespace qemunit::metrics
