// SPDX-License-Identifier: MIT
#include "helper/listening_sockets.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include <cstring>
#include <string_view>

namespace qemunit {

namespace {

// "" if the socket has no path that ends in ".sock".
std::string name_of_socket(int fd) {
    sockaddr_un address{};
    socklen_t size = sizeof address;
    if (sd_is_socket_unix(fd, SOCK_STREAM, 1, nullptr, 0) <= 0 ||
        getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size) != 0)
        return {};
    constexpr std::string_view kSuffix = ".sock";
    std::string_view path(address.sun_path, strnlen(address.sun_path, sizeof address.sun_path));
    if (!path.ends_with(kSuffix))
        return {};
    path.remove_suffix(kSuffix.size());
    return std::string(path.substr(path.rfind('/') + 1));
}

}  // namespace

Result<ListeningSockets> take_listening_sockets() {
    const int count = sd_listen_fds(/*unset_environment=*/1);
    if (count < 0)
        return fail_errno(count, "cannot take the sockets from systemd");
    ListeningSockets sockets;
    for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + count; ++fd) {
        UniqueFd owner(fd);
        if (std::string name = name_of_socket(fd); !name.empty())
            sockets.insert_or_assign(std::move(name), std::move(owner));
    }
    if (sockets.empty())
        return fail(ENOTCONN,
                    "systemd passed no listening sockets: this program is for ExecStart= of "
                    "qemu@.service; start a VM with 'systemctl start qemu@NAME'");
    return sockets;
}

}  // namespace qemunit
