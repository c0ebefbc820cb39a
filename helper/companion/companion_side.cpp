// SPDX-License-Identifier: MIT
#include "helper/companion/companion_side.h"

namespace qemunit::helper {

CompanionSide companion_side(CompanionCommand command) {
    const auto take = [&](const std::string &name) {
        auto node = command.fds.extract(name);
        return node.empty() ? UniqueFd() : std::move(node.mapped());
    };
    HelperOptions &told = command.told;
    CompanionSide side;
    side.qmp = take(kQmpFd);
    side.resumed = take(kResumedFd);
    side.qemu = command.qemu;
    side.stop = told.stop;
    side.stop_timeout_usec = told.stop_timeout_usec;
    side.idle_timeout_usec = told.idle_timeout_usec;
    side.unplugged = std::move(told.unplugged);
    for (const SerialPortOptions &port : told.serials)
        if (UniqueFd guest = take(guest_fd(port.name)))
            side.ports.push_back(
                {port.name, std::move(guest), take(clients_fd(port.name)), port.log, port.direct});
    if (UniqueFd guest = take(guest_fd(kAgentPort)))
        side.agent = PortEnd{.name = kAgentPort,
                             .guest = std::move(guest),
                             .listener = take(clients_fd(kAgentPort)),
                             .log = false,
                             .is_console = false};
    if (UniqueFd listener = take(kNoticesFd))
        side.notices =
            NoticeListener{std::move(listener), [cid = told.ready.cid](const sockaddr_vm &peer) {
                               return is_of_guest(peer, cid);
                           }};
    side.ready = std::move(told.ready);
    return side;
}

}  // namespace qemunit::helper
