// SPDX-License-Identifier: MIT
#include "ctl/backup/backup_tool.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/files/account.h"
#include "common/unique_fd.h"
#include "ctl/new/child.h"

namespace qemunit::ctl {

namespace {

// As for `clone` (ctl/new/disk_copy.cpp).
constexpr char kToolUser[] = "qemunit";

}  // namespace

Result<> run_tool(std::vector<std::string> command, const std::vector<int> &fds, ToolRights rights,
                  const std::function<void(std::string_view line)> &on_line) {
    ChildSetting setting{.fds = fds};
    if (rights == ToolRights::none && geteuid() == 0) {
        auto account = find_account(kToolUser);
        if (!account)
            return std::unexpected(account.error());
        setting.account = std::move(*account);
    }
    const std::string name = command.front();
    const auto ended = run_child(std::move(command), on_line, -1, setting);
    if (!ended)
        return std::unexpected(ended.error());
    if (ended->status == 127)
        return fail(ENOENT, fmt::format("cannot run {}; is qemu-utils installed?", name));
    if (ended->status != 0)
        return fail(EIO, ended->errors.empty() ? fmt::format("{} failed", name) : ended->errors);
    return {};
}

Result<> lend(int file) {
    if (geteuid() != 0)
        return {};
    const auto account = find_account(kToolUser);
    if (!account)
        return std::unexpected(account.error());
    return fchown(file, account->uid, account->gid) == 0
               ? Result<>()
               : fail_errno(errno, "cannot hand it to qemu-img");
}

Result<> take_back(int file) {
    if (geteuid() == 0 && fchown(file, 0, 0) != 0)
        return fail_errno(errno, "cannot take it back from qemu-img");
    return fsync(file) == 0 ? Result<>() : fail_errno(errno, "cannot write it");
}

Result<FileSum> sum_of(int file) {
    FileSum sum;
    struct stat info {};
    // A description of its own, that begins at the beginning.
    const UniqueFd input(open(fd_path(file).c_str(), O_RDONLY | O_CLOEXEC));
    if (!input || fstat(input.get(), &info) != 0)
        return fail_errno(errno, "cannot read it");
    sum.bytes = static_cast<uint64_t>(info.st_size);
    const auto ended = run_child(
        {"sha256sum"},
        [&](std::string_view line) { sum.sha256 = std::string(line.substr(0, line.find(' '))); },
        input.get(), {.has_no_silence = true});
    if (!ended)
        return std::unexpected(ended.error());
    if (ended->status != 0 || sum.sha256.size() != 64)
        return fail(EIO, "sha256sum failed: " + ended->errors);
    return sum;
}

std::string fd_path(int fd) {
    return fmt::format("/proc/self/fd/{}", fd);
}

}  // namespace qemunit::ctl
