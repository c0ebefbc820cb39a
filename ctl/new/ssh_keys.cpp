// SPDX-License-Identifier: MIT
#include "ctl/new/ssh_keys.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "common/ascii.h"
#include "common/files/trusted_path.h"
#include "common/unique_fd.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kFileMax = 64 * 1024;

constexpr std::string_view kTypes[] = {
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
};

std::string base64(std::string_view bytes) {
    constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t i = 0; i + 3 <= bytes.size(); i += 3) {
        unsigned group = 0;
        for (std::size_t k = 0; k < 3; ++k)
            group = group << 8 | static_cast<unsigned char>(bytes[i + k]);
        for (int shift = 18; shift >= 0; shift -= 6)
            text += kDigits[group >> shift & 63];
    }
    return text;
}

std::string read_text(int file) {
    std::string text;
    char buffer[4096];
    for (ssize_t n = 0; text.size() < kFileMax && (n = read(file, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<std::size_t>(n));
    return text;
}

std::vector<std::string> keys_in(const std::string &text) {
    std::vector<std::string> keys;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        while (line.ends_with('\r') || line.ends_with(' ') || line.ends_with('\t'))
            line.pop_back();
        if (is_public_key(line) && std::ranges::find(keys, line) == keys.end())
            keys.push_back(line);
    }
    return keys;
}

}  // namespace

bool is_public_key(std::string_view line) {
    const std::string_view type = line.substr(0, line.find(' '));
    if (std::ranges::find(kTypes, type) == std::end(kTypes) || type.size() == line.size())
        return false;
    const auto is_control = [](char c) {
        return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
    };
    if (std::ranges::any_of(line, is_control))
        return false;
    std::string_view data = line.substr(type.size() + 1);
    data = data.substr(0, data.find(' '));
    // A key begins with its type once more, behind its length (RFC 4253, 6.6). What base64 makes of
    // the last, incomplete three bytes depends on what follows.
    const std::string begin =
        base64(std::string(3, '\0') + static_cast<char>(type.size()) + std::string(type));
    while (data.ends_with('='))
        data.remove_suffix(1);
    return data.size() > begin.size() + 16 && data.starts_with(begin) &&
           std::ranges::all_of(data, [](char c) { return is_alphanumeric_or(c, "+/"); });
}

Result<std::vector<std::string>> read_keys(const std::string &path) {
    const bool is_input = path == "-";
    const UniqueFd file(is_input
                            ? dup(STDIN_FILENO)
                            : open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!file)
        return fail_errno(errno, "cannot open " + path);
    const std::string text = read_text(file.get());
    auto keys = keys_in(text);
    if (!keys.empty())
        return keys;
    if (text.contains("PRIVATE KEY-----"))
        return fail(EINVAL, fmt::format("{0} is a private key, which stays with you; the public "
                                        "one is usually {0}.pub",
                                        path));
    return fail(EINVAL, fmt::format("{} has no public ssh key; `ssh-keygen` makes one", path));
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
            if (entry->path().extension() == ".pub")
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
        for (std::string &key : keys_in(read_text(file.get())))
            if (std::ranges::find(keys, key) == keys.end())
                keys.push_back(std::move(key));
    }
    return keys;
}

}  // namespace qemunit::ctl
