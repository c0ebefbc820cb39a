// SPDX-License-Identifier: MIT
#include "generator/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "common/unique_fd.h"

namespace qemunit {

namespace {

// Output paths have one folder at most: "UNIT.d/FILE".
Result<> make_parent(const std::string &path) {
    const std::string parent = path.substr(0, path.rfind('/'));
    if (mkdir(parent.c_str(), 0755) != 0 && errno != EEXIST)
        return fail_errno(errno, fmt::format("cannot create {}", parent));
    return {};
}

// Under its own name at once: PID 1 reads the folder when all generators have ended.
Result<> write_file(const std::string &path, const std::string &content) {
    const UniqueFd fd(
        open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!fd)
        return fail_errno(errno, fmt::format("cannot create {}", path));
    for (std::size_t done = 0; done < content.size();) {
        const ssize_t n = write(fd.get(), content.data() + done, content.size() - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            const int code = errno;
            unlink(path.c_str());  // half a unit would be worse than none
            return fail_errno(code, fmt::format("cannot write {}", path));
        }
        done += static_cast<std::size_t>(n);
    }
    return {};
}

}  // namespace

Result<> write_output(const std::string &directory, const Output &output) {
    for (const OutputFile &file : output.files) {
        const std::string path = directory + "/" + file.path;
        if (auto made = make_parent(path); !made)
            return made;
        if (auto written = write_file(path, file.content); !written)
            return written;
    }
    for (const OutputLink &link : output.links) {
        const std::string path = directory + "/" + link.path;
        if (auto made = make_parent(path); !made)
            return made;
        if (symlink(link.target.c_str(), path.c_str()) != 0 && errno != EEXIST)
            return fail_errno(errno, fmt::format("cannot create the link {}", path));
    }
    return {};
}

}  // namespace qemunit
