// SPDX-License-Identifier: MIT
#include "generator/units/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace qemunit::generator {

Result<OutputFolder> OutputFolder::open(const std::string &path) {
    UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!fd)
        return fail_errno(errno, fmt::format("cannot open the output directory {}", path));
    return OutputFolder(path, std::move(fd));
}

Result<> OutputFolder::write(const Output &output) const {
    for (const OutputFile &file : output.files) {
        if (auto made = make_parent(file.path); !made)
            return made;
        if (auto written = write_file(file); !written)
            return written;
    }
    for (const OutputLink &link : output.links) {
        if (auto made = make_parent(link.path); !made)
            return made;
        if (symlinkat(link.target.c_str(), fd_.get(), link.path.c_str()) != 0 && errno != EEXIST)
            return fail("cannot create the link", link.path);
    }
    return {};
}

// Output paths have one folder at most: "UNIT.d/FILE".
Result<> OutputFolder::make_parent(const std::string &path) const {
    const std::size_t slash = path.rfind('/');
    if (slash == path.npos)
        return {};
    const std::string parent = path.substr(0, slash);
    if (mkdirat(fd_.get(), parent.c_str(), 0755) != 0 && errno != EEXIST)
        return fail("cannot create", parent);
    return {};
}

// The file has its final name at once: PID 1 reads the folder when all generators have ended.
Result<> OutputFolder::write_file(const OutputFile &file) const {
    const UniqueFd fd(openat(fd_.get(), file.path.c_str(),
                             O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!fd)
        return fail("cannot create", file.path);
    for (std::size_t done = 0; done < file.content.size();) {
        const ssize_t n = ::write(fd.get(), file.content.data() + done, file.content.size() - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            auto failure = fail("cannot write", file.path);
            unlinkat(fd_.get(), file.path.c_str(), 0);  // no unit is better than a part of one
            return failure;
        }
        done += static_cast<std::size_t>(n);
    }
    return {};
}

// The error of errno.
std::unexpected<Error> OutputFolder::fail(std::string_view what, std::string_view path) const {
    const int code = errno;
    return fail_errno(code, fmt::format("{} {}/{}", what, path_, path));
}

}  // namespace qemunit::generator
