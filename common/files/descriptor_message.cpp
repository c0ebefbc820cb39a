// SPDX-License-Identifier: MIT
#include "common/files/descriptor_message.h"

#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace qemunit {

namespace {

using Control = std::array<char, CMSG_SPACE(sizeof(int) * kMostDescriptors)>;

}  // namespace

ssize_t send_with_descriptors(int socket, std::string_view bytes, std::span<const int> fds,
                              int flags) {
    if (fds.size() > kMostDescriptors) {
        errno = E2BIG;
        return -1;
    }
    iovec data{const_cast<char *>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    alignas(cmsghdr) Control control{};
    if (!fds.empty()) {
        message.msg_control = control.data();
        message.msg_controllen = CMSG_SPACE(fds.size_bytes());
        cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(fds.size_bytes());
        std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
    }
    return sendmsg(socket, &message, MSG_NOSIGNAL | flags);
}

DescriptorMessage receive_with_descriptors(int socket, std::span<char> buffer, int flags,
                                           std::size_t most) {
    iovec data{buffer.data(), buffer.size()};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    alignas(cmsghdr) Control control{};
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * std::min(most, kMostDescriptors));
    DescriptorMessage received;
    received.size = recvmsg(socket, &message, MSG_CMSG_CLOEXEC | flags);
    if (received.size < 0)
        return received;
    received.is_cut = (message.msg_flags & (MSG_CTRUNC | MSG_TRUNC)) != 0;
    for (cmsghdr *header = CMSG_FIRSTHDR(&message); header != nullptr;
         header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        for (std::size_t at = 0; CMSG_LEN(at + sizeof(int)) <= header->cmsg_len;
             at += sizeof(int)) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + at, sizeof fd);
            received.fds.emplace_back(fd);
        }
    }
    // The room that the kernel fills is rounded up.
    received.is_cut = received.is_cut || received.fds.size() > most;
    received.fds.erase(
        received.fds.begin() + static_cast<std::ptrdiff_t>(std::min(most, received.fds.size())),
        received.fds.end());
    return received;
}

}  // namespace qemunit
