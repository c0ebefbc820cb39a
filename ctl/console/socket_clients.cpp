// SPDX-License-Identifier: MIT
#include "ctl/console/socket_clients.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "common/unique_fd.h"
#include "common/whole_number.h"

namespace qemunit::ctl {

namespace {

namespace fs = std::filesystem;

constexpr int kTcpEstablished = 1;  // unix sockets have TCP's states (net/tcp_states.h)

bool send_request(int fd) {
    struct {
        nlmsghdr header;
        unix_diag_req request;
    } message{};
    message.header.nlmsg_len = sizeof message;
    message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    message.request.sdiag_family = AF_UNIX;
    message.request.udiag_states = 1 << kTcpEstablished;
    message.request.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER;
    return send(fd, &message, sizeof message, 0) == sizeof message;
}

struct Connection {
    std::string path;
    ino_t peer = 0;
};

Connection read_attributes(const char *data, std::size_t size) {
    Connection connection;
    while (size >= sizeof(rtattr)) {
        rtattr attribute{};
        std::memcpy(&attribute, data, sizeof attribute);
        if (attribute.rta_len < sizeof attribute || attribute.rta_len > size)
            break;
        const char *value = data + sizeof attribute;
        const std::size_t length = attribute.rta_len - sizeof attribute;
        if (attribute.rta_type == UNIX_DIAG_NAME) {
            connection.path.assign(value, strnlen(value, length));
        } else if (attribute.rta_type == UNIX_DIAG_PEER && length >= sizeof(uint32_t)) {
            uint32_t inode = 0;
            std::memcpy(&inode, value, sizeof inode);
            connection.peer = inode;
        }
        const std::size_t step = std::min<std::size_t>(RTA_ALIGN(attribute.rta_len), size);
        data += step;
        size -= step;
    }
    return connection;
}

// The sockets at the far ends of the connections that were accepted at `path`.
std::set<ino_t> peers_of(const std::string &path) {
    std::set<ino_t> peers;
    const UniqueFd fd(socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
    if (!fd || !send_request(fd.get()))
        return peers;
    alignas(nlmsghdr) char buffer[32768];
    for (;;) {
        const ssize_t n = recv(fd.get(), buffer, sizeof buffer, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return peers;
        std::size_t left = static_cast<std::size_t>(n), at = 0;
        while (left >= sizeof(nlmsghdr)) {
            nlmsghdr header{};
            std::memcpy(&header, buffer + at, sizeof header);
            constexpr std::size_t kFixed = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(unix_diag_msg));
            if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR ||
                header.nlmsg_len < kFixed || header.nlmsg_len > left)
                return peers;
            const Connection connection =
                read_attributes(buffer + at + kFixed, header.nlmsg_len - kFixed);
            if (connection.path == path && connection.peer != 0)
                peers.insert(connection.peer);
            const std::size_t step = std::min<std::size_t>(NLMSG_ALIGN(header.nlmsg_len), left);
            at += step;
            left -= step;
        }
    }
}

// "socket:[123]" -> 123
ino_t socket_inode(const std::string &link) {
    constexpr std::string_view kPrefix = "socket:[";
    if (!link.starts_with(kPrefix) || !link.ends_with(']'))
        return 0;
    return whole_number<ino_t>(link.substr(kPrefix.size(), link.size() - kPrefix.size() - 1))
        .value_or(0);
}

std::set<ino_t> sockets_of_process(const fs::path &process) {
    std::set<ino_t> inodes;
    std::error_code error;
    for (fs::directory_iterator entry(process / "fd", error), end; !error && entry != end;
         entry.increment(error)) {
        std::error_code ignored;
        inodes.insert(socket_inode(fs::read_symlink(entry->path(), ignored)));
    }
    return inodes;
}

}  // namespace

SocketClients clients_of(const std::string &path) {
    std::set<ino_t> peers = peers_of(path);
    for (const ino_t inode : sockets_of_process("/proc/self"))
        peers.erase(inode);
    SocketClients clients{peers.size(), {}};
    std::error_code error;
    for (fs::directory_iterator entry("/proc", error), end;
         !error && !peers.empty() && entry != end; entry.increment(error)) {
        const std::string pid = entry->path().filename();
        if (pid.find_first_not_of("0123456789") != pid.npos)
            continue;
        bool is_client = false;
        for (const ino_t inode : sockets_of_process(entry->path()))
            is_client = peers.erase(inode) > 0 || is_client;
        if (!is_client)
            continue;
        std::string name;
        std::ifstream comm(entry->path() / "comm");
        std::getline(comm, name);
        clients.people.push_back(fmt::format("{} (PID {})", name, pid));
    }
    return clients;
}

std::string clients_text(const SocketClients &clients) {
    std::string text = fmt::format("{}", fmt::join(clients.people, ", "));
    // One process may have several connections.
    if (clients.people.empty() && clients.count > 0)
        text = clients.count == 1 ? "one other client"
                                  : fmt::format("{} other clients", clients.count);
    return text;
}

}  // namespace qemunit::ctl
