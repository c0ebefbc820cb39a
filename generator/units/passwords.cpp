// SPDX-License-Identifier: MIT
#include "generator/units/passwords.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "common/concat.h"
#include "common/unique_fd.h"

namespace qemunit::generator {

namespace {

Result<> make_folder(const std::string &path) {
    if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
        return fail_errno(errno, "cannot create " + path);
    return {};
}

}  // namespace

Result<> Passwords::keep(const Vm &vm) const {
    const std::string path = concat(folder_, "/", vm.name);
    if (!vm.cloud_init.password) {
        if (unlink(path.c_str()) != 0 && errno != ENOENT)
            return fail_errno(errno, "cannot remove " + path);
        return {};
    }
    for (const std::string &folder : {folder_.substr(0, folder_.rfind('/')), folder_})
        if (auto made = make_folder(folder); !made)
            return made;
    // No VM's name begins with a dot.
    const std::string unfinished = concat(folder_, "/.", vm.name);
    const std::string &hash = vm.cloud_init.password->text;
    unlink(unfinished.c_str());
    const UniqueFd fd(
        open(unfinished.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd)
        return fail_errno(errno, "cannot create " + unfinished);
    const ssize_t written = write(fd.get(), hash.data(), hash.size());
    if (written != static_cast<ssize_t>(hash.size()))
        return fail_errno(written < 0 ? errno : ENOSPC, "cannot write " + unfinished);
    if (rename(unfinished.c_str(), path.c_str()) != 0)
        return fail_errno(errno, "cannot rename " + unfinished);
    return {};
}

void Passwords::forget_others(const std::vector<VmSource> &sources) const {
    const std::unique_ptr<DIR, int (*)(DIR *)> folder(opendir(folder_.c_str()), closedir);
    while (const dirent *entry = folder ? readdir(folder.get()) : nullptr) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != ".." &&
            !std::ranges::binary_search(sources, name, {}, &VmSource::name))
            unlinkat(dirfd(folder.get()), entry->d_name, 0);
    }
}

}  // namespace qemunit::generator
