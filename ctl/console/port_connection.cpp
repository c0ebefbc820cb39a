// SPDX-License-Identifier: MIT
#include "ctl/console/port_connection.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <cerrno>

#include "common/qmp/qmp_client.h"
#include "ctl/console/console.h"

namespace qemunit::ctl {

Result<PortConnection> PortConnection::open(sd_event *event, const ConsoleTarget &target,
                                            Callbacks callbacks) {
    auto fd = connect_unix(target.path);
    if (!fd)
        return fail(fd.error().code,
                    refusal_text(fd.error().code, target.vm, target.port, target.path));
    auto output = OutputQueue::create(event, UniqueFd(fcntl(fd->get(), F_DUPFD_CLOEXEC, 0)),
                                      {.written = std::move(callbacks.written), .broken = [] {
                                       }});  // reading says so too, after all that the guest said
    if (!output)
        return std::unexpected(output.error());
    auto watch =
        FdWatch::create(event, fd->get(), EPOLLIN, "a serial port",
                        [readable = std::move(callbacks.readable)](uint32_t) { readable(); });
    if (!watch)
        return std::unexpected(watch.error());
    return PortConnection(std::move(*fd), std::move(*output), std::move(*watch));
}

bool PortConnection::has_untaken() const {
    int unread = 0;  // bytes in the socket; SIOCOUTQ of unix(7)
    return waiting() > 0 || (ioctl(fd(), SIOCOUTQ, &unread) == 0 && unread > 0);
}

bool has_nobody(const Error &error) {
    return error.code == ENOENT || error.code == ECONNREFUSED;
}

}  // namespace qemunit::ctl
