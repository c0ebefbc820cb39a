// SPDX-License-Identifier: MIT
#include "helper/credential/named_text.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/files/account.h"
#include "common/files/named_file.h"
#include "common/files/new_file.h"
#include "common/files/trusted_path.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

namespace {

constexpr std::size_t kLargest = std::size_t{1} << 20;  // as systemd has it, systemd.exec(5)

Result<std::string> read_credential(int fd) {
    std::string text;
    char buffer[65536];
    for (;;) {
        const ssize_t n = read(fd, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail_errno(errno, "cannot read it");
        if (n == 0)
            return text;
        text.append(buffer, static_cast<std::size_t>(n));
        if (text.size() > kLargest)
            return fail(EFBIG, "it is larger than 1 MiB");
    }
}

Result<> write_all(int fd, const std::string &text) {
    for (std::size_t done = 0; done < text.size();) {
        const ssize_t n = write(fd, text.data() + done, text.size() - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_errno(n < 0 ? errno : EIO, "cannot write it");
        done += static_cast<std::size_t>(n);
    }
    return {};
}

Result<UniqueFd> open_as(const std::string &owner, const std::string &path) {
    const auto account = find_account(owner);
    return account ? open_for(*account, path, O_RDONLY) : std::unexpected(account.error());
}

// A user may open what links of his lead to.
Result<UniqueFd> open_as_myself(const std::string &path) {
    UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
    return fd ? Result<UniqueFd>(std::move(fd)) : fail_errno(errno, "cannot open " + path);
}

}  // namespace

Result<std::string> read_named_text(const std::string &owner, const std::string &path) {
    const auto file = geteuid() != 0  ? open_as_myself(path)
                      : owner.empty() ? open_named_file(path, /*write=*/false, std::nullopt)
                                      : open_as(owner, path);
    if (!file)
        return std::unexpected(file.error());
    struct stat status {};
    if (fstat(file->get(), &status) != 0 || !S_ISREG(status.st_mode))
        return fail(EINVAL, path + " is not a file");
    auto text = read_credential(file->get());
    return text ? text : fail(text.error().code, path + ": " + text.error().message);
}

Result<> write_new_text(const std::string &folder, const std::string &name,
                        const std::string &text) {
    const UniqueFd opened(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened)
        return fail_errno(errno, "cannot open " + folder);
    auto file = NewFile::create(opened.get(), name);
    if (!file)
        return std::unexpected(file.error());
    if (auto written = write_all(file->fd(), text); !written)
        return written;
    return file->publish();
}

}  // namespace qemunit::helper
