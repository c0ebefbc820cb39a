// SPDX-License-Identifier: MIT
#include "ctl/import/state_copy.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "common/files/disk_image.h"
#include "common/files/named_file.h"
#include "common/files/new_file.h"
#include "ctl/new/state_folder.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

constexpr off_t kVariablesMax = 64 << 20;
// swtpm writes some 10 KB, in one file or two.
constexpr off_t kTpmFileMax = 16 << 20;
constexpr std::size_t kTpmFilesMost = 16;

}  // namespace

Result<UniqueFd> open_state_file(const std::string &path, off_t most) {
    std::error_code error;
    const std::string whole = fs::absolute(path, error).lexically_normal();
    auto file = geteuid() == 0 ? open_named_file(whole, /*write=*/false, std::nullopt)
                               : Result<UniqueFd>(open_image(whole));
    if (!file)
        return file;
    struct stat info {};
    if (!*file || fstat(file->get(), &info) != 0)
        return fail(EACCES, path + " cannot be read");
    if (!S_ISREG(info.st_mode))
        return fail(EINVAL, path + " is no regular file");
    if (info.st_size > most)
        return fail(EFBIG, fmt::format("{} is larger than {} MB", path, most >> 20));
    return file;
}

Result<StateCopy> StateCopy::make(const Invocation &invocation, const std::string &name,
                                  ImportedVm &vm) {
    const auto folder = state_folder(invocation, name);
    if (!folder)
        return std::unexpected(folder.error());
    if (const std::string left = left_in(*folder); !left.empty())
        return fail(EEXIST, fmt::format("{} is left of an earlier VM '{}': move or remove what is "
                                        "in {}, or choose another name",
                                        left, name, *folder));
    StateCopy copy;
    if (vm.uefi_variables.empty() && vm.tpm_state.empty())
        return copy;
    const auto made = StateFolder::make(*folder);
    if (!made)
        return std::unexpected(made.error());
    copy.path_ = *folder;
    copy.folder_.reset(fcntl(made->fd(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!copy.folder_)
        return fail_errno(errno, "cannot open " + *folder);
    if (!vm.uefi_variables.empty())
        if (auto copied = copy.copy_variables(vm); !copied)
            return std::unexpected(copied.error());
    if (!vm.tpm_state.empty())
        if (auto copied = copy.copy_tpm(vm); !copied)
            return std::unexpected(copied.error());
    return copy;
}

Result<> StateCopy::copy_variables(ImportedVm &vm) {
    const auto file = open_state_file(vm.uefi_variables, kVariablesMax);
    if (!file) {
        vm.lost("the UEFI variables: " + file.error().message);
        return {};
    }
    if (const std::string format = format_by_content(file->get()); !format.empty()) {
        vm.lost(
            fmt::format("the UEFI variables: {0} is {1}, and has to be raw: qemu-img convert "
                        "-O raw {0} {2}/uefi-variables.fd",
                        vm.uefi_variables, format, path_));
        return {};
    }
    return copy_file(file->get(), vm.uefi_variables, folder_.get(), "uefi-variables.fd");
}

// All of it or nothing: a part of its state is none that a TPM begins with.
Result<> StateCopy::copy_tpm(ImportedVm &vm) {
    std::vector<std::pair<std::string, UniqueFd>> files;
    std::error_code error;
    for (fs::directory_iterator entry(vm.tpm_state, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename();
        if (!name.starts_with("tpm2-"))
            continue;
        auto file = files.size() < kTpmFilesMost
                        ? open_state_file(entry->path(), kTpmFileMax)
                        : Result<UniqueFd>(fail(E2BIG, fmt::format("more than {} files in {}",
                                                                   kTpmFilesMost, vm.tpm_state)));
        if (!file) {
            vm.lost("the state of the TPM: " + file.error().message);
            return {};
        }
        files.emplace_back(name, std::move(*file));
    }
    if (files.empty()) {
        vm.lost(fmt::format("the state of the TPM: nothing of it is in {}", vm.tpm_state));
        return {};
    }
    if (mkdirat(folder_.get(), "tpm", S_IRWXU) != 0)
        return fail_errno(errno, fmt::format("cannot create {}/tpm", path_));
    made_.push_back({folder_.get(), "tpm", AT_REMOVEDIR});
    tpm_.reset(openat(folder_.get(), "tpm", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!tpm_)
        return fail_errno(errno, fmt::format("cannot open {}/tpm", path_));
    for (const auto &[name, file] : files)
        if (auto copied =
                copy_file(file.get(), fmt::format("{}/{}", vm.tpm_state, name), tpm_.get(), name);
            !copied)
            return copied;
    return {};
}

Result<> StateCopy::copy_file(int from, const std::string &path, int folder,
                              const std::string &name) {
    auto copy = NewFile::create(folder, name);
    if (!copy)
        return std::unexpected(copy.error());
    if (auto filled = copy->fill_from(from); !filled)
        return fail(filled.error().code, fmt::format("{}: {}", path, filled.error().message));
    if (auto published = copy->publish(); !published)
        return published;
    made_.push_back({folder, name, 0});
    return {};
}

StateCopy::~StateCopy() {
    for (auto made = made_.rbegin(); made != made_.rend(); ++made)
        unlinkat(made->folder, made->name.c_str(), made->flags);
    if (!path_.empty())
        rmdir(path_.c_str());  // which fails if there is something in it
}

}  // namespace qemunit::ctl
