// SPDX-License-Identifier: MIT
#include "ctl/new/download.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "common/paths.h"
#include "common/whole_number.h"
#include "ctl/new/child.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

// systemd gives it to the unit's user, who exists only meanwhile, and nobody else gets in.
constexpr char kOwnFolder[] = "/var/lib/private/qemunit-fetch";
constexpr char kFolderOfUser[] = ".download";

// The network and nothing else. For a user, what takes no root.
constexpr const char *kProperties[] = {
    "NoNewPrivileges=yes",
    "LockPersonality=yes",
    "MemoryDenyWriteExecute=yes",
    "RestrictNamespaces=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "SystemCallFilter=@system-service",
    "SystemCallFilter=~@privileged @resources @keyring",
    "SystemCallErrorNumber=EPERM",
    "UMask=0077",
    "RuntimeMaxSec=1d",
};
constexpr const char *kPropertiesOfSystem[] = {
    "DynamicUser=yes",
    "CapabilityBoundingSet=",
    "ProtectSystem=strict",
    "ProtectHome=yes",
    "PrivateDevices=yes",
    "PrivateIPC=yes",
    "ProtectProc=invisible",
    "ProcSubset=pid",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "MemoryMax=512M",
    "TasksMax=32",
};

std::string folder_of_downloads(const Invocation &invocation, const std::string &folder) {
    return invocation.bus == Invocation::Bus::user ? folder + "/" + kFolderOfUser : kOwnFolder;
}

// systemd replaces variables in the words of a command (systemd.service(5), COMMAND LINES).
std::string escaped(const std::string &word) {
    std::string text;
    for (const char c : word)
        text += c == '$' ? "$$" : std::string(1, c);
    return text;
}

}  // namespace

std::vector<std::string> sandboxed(bool is_of_user, const std::string &folder, bool has_network) {
    std::vector<std::string> words{"systemd-run", "--quiet", "--collect",
                                   "--wait",      "--pipe",  "--service-type=exec"};
    const auto set = [&](const std::string &property) {
        words.insert(words.end(), {"-p", property});
    };
    if (is_of_user)
        words.insert(words.begin() + 1, "--user");
    for (const char *property : kProperties)
        set(property);
    if (is_of_user && has_network)
        set("WorkingDirectory=" + folder);
    if (!is_of_user)
        for (const char *property : kPropertiesOfSystem)
            set(property);
    if (!is_of_user && has_network)
        for (const char *property :
             {"User=qemunit-fetch", "StateDirectory=qemunit-fetch", "StateDirectoryMode=0700",
              "WorkingDirectory=/var/lib/qemunit-fetch"})
            set(property);
    set(has_network ? "RestrictAddressFamilies=AF_INET AF_INET6 AF_NETLINK"
                    : "RestrictAddressFamilies=AF_UNIX");
    if (!has_network && !is_of_user)
        set("PrivateNetwork=yes");
    if (has_network)
        for (const char *variable : {"http_proxy", "https_proxy", "all_proxy", "no_proxy"})
            if (std::getenv(variable) != nullptr)
                words.push_back(fmt::format("--setenv={}", variable));
    words.emplace_back("--");
    return words;
}

Result<UniqueFd> download(const Invocation &invocation, const std::string &folder,
                          const Wanted &wanted, const ShowProgress &show) {
    const bool is_of_user = invocation.bus == Invocation::Bus::user;
    const std::string place = folder_of_downloads(invocation, folder);
    if (is_of_user) {
        std::error_code error;
        fs::create_directories(place, error);
        if (error || chmod(place.c_str(), 0700) != 0)
            return fail_errno(error ? error.value() : errno, "cannot create " + place);
    }
    auto command = sandboxed(is_of_user, place, true);
    for (const std::string &word :
         {std::string(kFetchPath), "--url=" + wanted.url, "--to=" + wanted.file,
          fmt::format("--max-size={}", wanted.max_size)})
        command.push_back(escaped(word));
    const auto ended = run_child(command, [&](std::string_view line) {
        const std::size_t space = std::min(line.find(' '), line.size());
        const auto done = whole_number(line.substr(0, space));
        const auto total = whole_number(line.substr(std::min(space + 1, line.size())));
        if (done && total)
            show(*done, *total);
    });
    if (!ended)
        return std::unexpected(ended.error());
    if (ended->status != 0)
        return fail(
            EIO, fmt::format("cannot download {}: {}", wanted.url,
                             ended->errors.empty() ? "the downloader was ended" : ended->errors));
    UniqueFd opened(open(place.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    // The downloader owns the folder: it may have put anything there.
    UniqueFd file(openat(opened.get(), wanted.file.c_str(),
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat info {};
    if (!opened || !file || fstat(file.get(), &info) != 0)
        return fail_errno(errno, fmt::format("cannot open what came of {}", wanted.url));
    if (!S_ISREG(info.st_mode) || static_cast<uint64_t>(info.st_size) > wanted.max_size)
        return fail(EBADMSG, fmt::format("what came of {} is no file of that size", wanted.url));
    return file;
}

void forget_download(const Invocation &invocation, const std::string &folder,
                     const std::string &file) {
    const std::string place = folder_of_downloads(invocation, folder);
    const UniqueFd opened(open(place.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    for (const char *end : {"", ".part", ".from"})
        unlinkat(opened.get(), (file + end).c_str(), 0);
}

}  // namespace qemunit::ctl
