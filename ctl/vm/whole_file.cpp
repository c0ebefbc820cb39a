// SPDX-License-Identifier: MIT
#include "ctl/vm/whole_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "common/unique_fd.h"

namespace qemunit::ctl {

Result<std::string> read_whole(const std::string &path) {
    const UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!file)
        return fail_errno(errno, "cannot open " + path);
    std::string text;
    char buffer[65536];
    for (;;) {
        const ssize_t n = read(file.get(), buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(errno, "cannot read " + path);
        if (n == 0)
            return text;
        text.append(buffer, static_cast<std::size_t>(n));
    }
}

}  // namespace qemunit::ctl
