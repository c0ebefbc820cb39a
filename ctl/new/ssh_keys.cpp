// SPDX-License-Identifier: MIT
#include "ctl/new/ssh_keys.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "common/cloud/ssh_key.h"
#include "common/files/trusted_path.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileMax = 64 * 1024;

std::string read_text(int file) {
    std::string text;
    char buffer[4096];
    for (ssize_t n = 0; text.size() < kFileMax && (n = read(file, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    return text;
}

}  // namespace

Result<std::vector<std::string>> read_keys(const std::string &path) {
    const bool is_input = path == "-";
    const UniqueFd file(is_input
                            ? dup(STDIN_FILENO)
                            : open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file)
        return fail_errno(errno, "cannot open " + path);
    return ssh_keys_in(path, read_text(file.get()));
}

Caller find_caller() {
    Caller caller;
    const char *sudo_user = geteuid() == 0 ? std::getenv("SUDO_USER") : nullptr;
    const passwd *entry = sudo_user != nullptr ? getpwnam(sudo_user) : nullptr;
    if (entry != nullptr && entry->pw_uid != 0) {
        if (auto account = find_account(sudo_user))
            caller.account = std::move(*account);
        return {entry->pw_name, entry->pw_dir, std::move(caller.account)};
    }
    entry = getpwuid(geteuid());
    if (entry != nullptr)
        caller = {entry->pw_name, entry->pw_dir, std::nullopt};
    if (const char *home = std::getenv("HOME"); home != nullptr && *home == '/')
        caller.home = home;
    return caller;
}

std::vector<std::string> keys_of(const Caller &caller) {
    std::vector<std::string> files;
    {
        std::optional<ActingAs> acting;
        if (caller.account) {
            auto begun = ActingAs::begin(*caller.account);
            if (!begun)
                return {};
            acting.emplace(std::move(*begun));
        }
        std::error_code error;
        for (fs::directory_iterator entry(caller.home + "/.ssh", error), end;
             !error && entry != end; entry.increment(error))
            if (entry->path().extension() == ".pub" &&
                !entry->path().stem().string().ends_with("-cert"))
                files.push_back(entry->path());
    }
    std::ranges::sort(files);
    std::vector<std::string> keys;
    for (const std::string &path : files) {
        UniqueFd file;
        if (caller.account) {
            if (auto opened = open_for(*caller.account, path, O_RDONLY))
                file = std::move(*opened);
        } else {
            file = UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
        }
        struct stat info {};
        if (!file || fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode))
            continue;
        const auto own = ssh_keys_in(path, read_text(file.get()));
        for (const std::string &key : own.value_or(std::vector<std::string>{}))
            if (std::ranges::find(keys, key) == keys.end())
                keys.push_back(key);
    }
    return keys;
}

}  // namespace qemunit::ctl
