// SPDX-License-Identifier: MIT
#include "helper/start/listening_sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "common/whole_number.h"
#include "helper/handover/descriptor_store.h"

namespace qemunit::helper {

namespace {

constexpr int kFirstFd = 3;  // SD_LISTEN_FDS_START

// What sd_listen_fds(3) does, whose protocol is open to other implementations (its NOTES): to load
// libsystemd 252, with all that it needs, takes longer than the rest of this program.
Result<int> count_passed_fds() {
    const char *const pid = getenv("LISTEN_PID"), *const fds = getenv("LISTEN_FDS");
    if (!pid || !fds)
        return 0;
    const auto ours = whole_number<pid_t>(pid);
    const auto count = whole_number<int>(fds);
    if (!ours || !count)
        return fail_errno(EINVAL, "cannot take the sockets from systemd");
    return *ours == getpid() ? *count : 0;
}

bool has_option(int fd, int option, int wanted) {
    int value = -1;
    socklen_t size = sizeof value;
    return getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && value == wanted;
}

// "" if the socket has no path that ends in ".sock".
std::string name_of_socket(int fd) {
    sockaddr_un address{};
    socklen_t size = sizeof address;
    if (!has_option(fd, SO_TYPE, SOCK_STREAM) || !has_option(fd, SO_ACCEPTCONN, 1) ||
        getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size) != 0 ||
        address.sun_family != AF_UNIX)
        return {};
    constexpr std::string_view kSuffix = ".sock";
    std::string_view path(address.sun_path, strnlen(address.sun_path, sizeof address.sun_path));
    if (!path.ends_with(kSuffix))
        return {};
    path.remove_suffix(kSuffix.size());
    return std::string(path.substr(path.rfind('/') + 1));
}

// sd_listen_fds_with_names(3): the names stand between colons.
std::vector<std::string> names_of_fds() {
    std::vector<std::string> names;
    const char *given = getenv("LISTEN_FDNAMES");
    std::string_view text = given ? given : "";
    while (!text.empty()) {
        const std::size_t end = std::min(text.find(':'), text.size());
        names.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return names;
}

// A tap is an open /dev/net/tun, a USB device its node; a mount may be that of a folder.
bool is_stored(int fd, const std::string &name) {
    struct stat status {};
    return fstat(fd, &status) == 0 &&
           (S_ISREG(status.st_mode) || S_ISBLK(status.st_mode) ||
            (S_ISCHR(status.st_mode) &&
             (name.starts_with(stored_tap_name("")) || name.starts_with(stored_usb_name("")))) ||
            (S_ISDIR(status.st_mode) && name.starts_with(kStoredMount)));
}

}  // namespace

Result<PassedFds> take_passed_fds() {
    const auto count = count_passed_fds();
    const std::vector<std::string> names = names_of_fds();
    for (const char *name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"})
        unsetenv(name);
    if (!count)
        return std::unexpected(count.error());
    PassedFds passed;
    for (int fd = kFirstFd; fd < kFirstFd + *count; ++fd) {
        UniqueFd owner(fd);
        if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
            return fail_errno(errno, "cannot take the sockets from systemd");
        const auto place = static_cast<std::size_t>(fd - kFirstFd);
        if (std::string name = name_of_socket(fd); !name.empty())
            passed.sockets.insert_or_assign(std::move(name), std::move(owner));
        else if (place < names.size() && is_stored(fd, names[place]))
            passed.files.insert_or_assign(names[place], std::move(owner));
    }
    if (passed.sockets.empty())
        return fail(
            ENOTCONN,
            "systemd passed no listening sockets: this program is for ExecStart= of "
            "qemu@.service; if it was run as that, 'systemctl status qemu-monitor@NAME.socket' "
            "says why");
    return passed;
}

}  // namespace qemunit::helper
