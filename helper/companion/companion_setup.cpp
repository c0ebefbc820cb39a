// SPDX-License-Identifier: MIT
#include "helper/companion/companion_setup.h"

#include <algorithm>
#include <string_view>

#include "common/concat.h"
#include "common/shared_names.h"
#include "helper/handover/upgrade_obstacle.h"

namespace qemunit::helper {

namespace {

// "incoming:TOKEN:VM:HOST"
std::optional<Incoming> take_incoming(CompanionFds &fds) {
    const auto stream =
        std::ranges::find_if(fds, [](const auto &fd) { return fd.first.starts_with(kIncomingFd); });
    if (stream == fds.end())
        return std::nullopt;
    const std::string_view rest = std::string_view(stream->first).substr(kIncomingFd.size());
    const std::size_t token = std::min(rest.find(':'), rest.size());
    const std::size_t vm = std::min(rest.find(':', token + 1), rest.size());
    if (vm == rest.size())
        return std::nullopt;
    Incoming incoming{.connection = std::move(stream->second),
                      .listener = {},
                      .move = {std::string(rest.substr(0, token)), std::string(rest.substr(vm + 1)),
                               std::string(rest.substr(token + 1, vm - token - 1))}};
    if (auto listener = fds.extract(kMigrateFd); !listener.empty())
        incoming.listener = std::move(listener.mapped());
    const auto copies =
        std::ranges::find_if(fds, [](const auto &fd) { return fd.first.starts_with(kCopiesFd); });
    if (copies != fds.end()) {
        incoming.copies =
            parse_copied_images(std::string_view(copies->first).substr(kCopiesFd.size()));
        incoming.copy_listener = std::move(copies->second);
    }
    return incoming;
}

ImageFiles take_images(CompanionFds &fds) {
    ImageFiles images;
    for (auto &[name, fd] : fds)
        for (const std::string_view prefix : {kWrittenImageFd, kReadImageFd})
            if (name.starts_with(prefix)) {
                const std::string rest = name.substr(prefix.size());
                const std::size_t drive = std::min(rest.find(':'), rest.size() - 1);
                images.push_back({.path = rest.substr(drive + 1),
                                  .is_written = prefix == kWrittenImageFd,
                                  .fd = std::move(fd),
                                  .drive = rest.substr(0, drive)});
            }
    return images;
}

}  // namespace

CompanionSetup companion_setup(CompanionCommand command) {
    const auto take = [&](const std::string &name) {
        auto node = command.fds.extract(name);
        return node.empty() ? UniqueFd() : std::move(node.mapped());
    };
    HelperOptions &told = command.told;
    CompanionSetup setup;
    setup.qmp = take(kQmpFd);
    setup.resumed = take(kResumedFd);
    setup.incoming = take_incoming(command.fds);
    setup.requests = take(kRequestsFd);
    setup.qemu = command.qemu;
    setup.caller = take(kCallerFd);
    setup.looked_at = take_images(command.fds);
    setup.obstacle = upgrade_obstacle(told);
    for (const DriveFile &file : told.files)
        setup.images.push_back({file.drive, file.set});
    setup.stop = told.stop;
    setup.stop_timeout_usec = told.stop_timeout_usec;
    setup.not_saved = std::move(told.not_saved);
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
