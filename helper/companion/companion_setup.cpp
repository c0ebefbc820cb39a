// SPDX-License-Identifier: MIT
#include "helper/companion/companion_setup.h"

#include "common/concat.h"
#include "common/shared_names.h"

namespace qemunit::helper {

CompanionSetup companion_setup(CompanionCommand command) {
    const auto take = [&](const std::string &name) {
        auto node = command.fds.extract(name);
        return node.empty() ? UniqueFd() : std::move(node.mapped());
    };
    HelperOptions &told = command.told;
    CompanionSetup setup;
    setup.qmp = take(kQmpFd);
    setup.resumed = take(kResumedFd);
    setup.qemu = command.qemu;
    setup.stop = told.stop;
    setup.stop_timeout_usec = told.stop_timeout_usec;
    setup.idle_timeout_usec = told.idle_timeout_usec;
    setup.unplugged = std::move(told.unplugged);
    for (const auto &[unit, socket] : told.needs)
        if (unit.starts_with("qemu-usernet@"))
            setup.network_lists.push_back(
                concat(socket.substr(0, socket.rfind('/') + 1), kUsernetList));
    for (const SerialPortOptions &port : told.serials)
        if (UniqueFd guest = take(guest_fd(port.name)))
            setup.ports.push_back(
                {port.name, std::move(guest), take(clients_fd(port.name)), port.log, port.direct});
    if (UniqueFd guest = take(guest_fd(kAgentPort)))
        setup.agent = PortEnd{.name = kAgentPort,
                              .guest = std::move(guest),
                              .listener = take(clients_fd(kAgentPort)),
                              .log = false,
                              .is_console = false};
    if (UniqueFd listener = take(kNotifyFd))
        setup.notify =
            NotifyListener{std::move(listener), [cid = told.ready.cid](const sockaddr_vm &peer) {
                               return is_of_guest(peer, cid);
                           }};
    setup.ready = std::move(told.ready);
    return setup;
}

}  // namespace qemunit::helper
