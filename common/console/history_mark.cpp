// SPDX-License-Identifier: MIT
#include "common/console/history_mark.h"

#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/files/descriptor_message.h"
#include "common/unique_fd.h"

namespace qemunit {

ssize_t send_as_history(int fd, std::string_view bytes) {
    const UniqueFd mark(eventfd(0, EFD_CLOEXEC));
    // Without a mark, all counts as new, and nothing else is different.
    if (!mark)
        return send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    const int sent = mark.get();
    return send_with_descriptors(fd, bytes, {&sent, 1}, MSG_DONTWAIT);
}

Received receive_from_console(int fd, char *buffer, std::size_t size) {
    iovec data{buffer, size};
    msghdr message{};  // without room for a descriptor: the kernel says that there was one
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    const ssize_t received = recvmsg(fd, &message, MSG_DONTWAIT);
    return {received, received > 0 && (message.msg_flags & MSG_CTRUNC) != 0};
}

}  // namespace qemunit
