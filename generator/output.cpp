// SPDX-License-Identifier: MIT
#include "generator/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cstdlib>

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

Result<> write_file(const std::string &path, const std::string &content) {
    std::string temporary = path + ".XXXXXX";
    const UniqueFd fd(mkostemp(temporary.data(), O_CLOEXEC));
    if (!fd)
        return fail_errno(errno, fmt::format("cannot create {}", path));
    const auto give_up = [&](int code) {
        unlink(temporary.c_str());
        return fail_errno(code, fmt::format("cannot write {}", path));
    };
    for (std::size_t done = 0; done < content.size();) {
        const ssize_t n = write(fd.get(), content.data() + done, content.size() - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return give_up(errno);
        done += static_cast<std::size_t>(n);
    }
    if (fchmod(fd.get(), 0644) != 0 || rename(temporary.c_str(), path.c_str()) != 0)
        return give_up(errno);
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
