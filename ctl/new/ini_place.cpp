// SPDX-License-Identifier: MIT
#include "ctl/new/ini_place.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>
#include <vector>

#include "common/files/file_lock.h"
#include "common/files/new_file.h"
#include "ctl/new/child.h"
#include "ctl/new/scratch.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

constexpr unsigned kLockSeconds = 30;
constexpr mode_t kIniMode = 0644;

std::unexpected<Error> cannot_write(const Paths &paths, const std::string &path, int error) {
    const char *advice =
        error == EACCES && !paths.is_of_user()
            ? "; VMs of the system are root's to make, --user makes one of your own"
            : "";
    return fail(error, fmt::format("cannot write {}: {}{}", path,
                                   std::generic_category().message(error), advice));
}

Result<> write_text(int file, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = write(file, text.data(), text.size());
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return fail_errno(n < 0 ? errno : EIO, "");
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    return fsync(file) == 0 ? Result<>() : fail_errno(errno, "");
}

}  // namespace

Result<> check_name_is_free(const Paths &paths, const std::string &vm) {
    for (const std::string &dir : paths.config_dirs()) {
        const std::string path = dir + "/" + vm + ".ini";
        struct stat info{};
        if (lstat(path.c_str(), &info) == 0)
            return fail(EEXIST, fmt::format("there is a VM '{}' already, {}; choose another name",
                                            vm, path));
    }
    std::error_code error;
    if (!fs::is_empty(paths.socket_dir(vm), error) && !error)
        return fail(EBUSY, fmt::format("a VM '{0}' that is configured no more still runs; stop it "
                                       "first: {1} stop qemu@{0}",
                                       vm, paths.systemctl()));
    return {};
}

Result<> check_ini(const Paths &paths, const std::string &vm, const std::string &text) {
    const Scratch scratch(paths.runtime);
    const std::string path = scratch.write(vm + ".ini", text);
    if (path.empty())
        return cannot_write(paths, paths.runtime, errno);
    std::vector<std::string> command{std::string(kGeneratorPath), "--check"};
    if (paths.is_of_user())
        command.emplace_back("--user");
    command.insert(command.end(), {"--", path});
    const auto checked = run_child(command);
    if (!checked)
        return std::unexpected(checked.error());
    if (checked->status == 0)
        return {};
    if (checked->status == 127)
        return fail(ENOENT, fmt::format("cannot run {}; is the package qemunit installed?",
                                        kGeneratorPath));
    std::string said = checked->errors.empty() ? checked->output : checked->errors;
    const std::string folder = path.substr(0, path.rfind('/') + 1);
    for (std::size_t at = 0; (at = said.find(folder)) != said.npos;)
        said.erase(at, folder.size());
    return fail(EINVAL, "such a VM could not start:\n" + said);
}

Result<UniqueFd> lock_new_vms(const Paths &paths) {
    const std::string path = paths.runtime + "/qemunit-new.lock";
    auto lock = lock_file(path, kLockSeconds);
    if (lock)
        return lock;
    if (lock.error().code == EINTR)
        return fail(EINTR, "another `qemunitctl new` is at work and does not end; try again later");
    return cannot_write(paths, path, lock.error().code);
}

Result<std::string> write_ini(const Paths &paths, const std::string &vm, const std::string &text) {
    const std::string dir = paths.config_dirs().front(), path = dir + "/" + vm + ".ini";
    std::error_code error;
    fs::create_directories(dir, error);
    if (error)
        return cannot_write(paths, dir, error.value());
    const UniqueFd folder(open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder)
        return cannot_write(paths, path, errno);
    auto file = NewFile::create(folder.get(), vm + ".ini");
    if (!file)
        return cannot_write(paths, path, file.error().code);
    if (auto written = write_text(file->fd(), text); !written)
        return cannot_write(paths, path, written.error().code);
    if (fchmod(file->fd(), kIniMode) != 0)
        return cannot_write(paths, path, errno);
    if (auto published = file->publish(); !published)
        return cannot_write(paths, path, published.error().code);
    fsync(folder.get());
    return path;
}

}  // namespace qemunit::ctl
