// SPDX-License-Identifier: MIT
#include "helper/start/wiring.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/vm_sockets.h>
#include <sys/socket.h>

#include <algorithm>

#include "common/guest_credentials.h"
#include "common/shared_names.h"
#include "helper/start/vsock_listener.h"

namespace qemunit::helper {

namespace {

// As much as the kernel grants (net.core.wmem_max): each byte that a UART prints is a write of its
// own, and takes 768 of these.
constexpr int kPortSendBuffer = 8 << 20;

class Wirer {
  public:
    Wirer(ListeningSockets sockets, bool has_caller)
        : sockets_(std::move(sockets)), has_caller_(has_caller) {}

    Result<Wiring> wire(const HelperOptions &options, const OpenImages &images) {
        wiring_.qemu.arguments = fd_set_arguments(images);
        for (const OpenImage &image : images)
            last_set_ = std::max(last_set_, image.file.set);
        add_monitor("-monitor", std::string(kMonitorSocket));
        add_monitor("-qmp", std::string(kQmpSocket));
        add_monitor("-qmp", std::string(kControlSocket));
        if (auto added = add_companion(); !added)
            return std::unexpected(added.error());
        // A socket unit that was started before an upgrade has none.
        if (auto requests = sockets_.extract(std::string(kCompanionSocket)); !requests.empty())
            keep(kRequestsFd, std::move(requests.mapped()));
        for (const SerialPortOptions &port : options.serials)
            if (auto added = port.direct ? add_direct(port) : add_relayed(port); !added)
                return std::unexpected(added.error());
        for (const std::string &channel : options.channels)
            add_channel(channel);
        if (options.agent)
            if (auto added = add_agent(); !added)
                return std::unexpected(added.error());
        if (options.ready.thing == Awaited::Thing::notify)
            if (auto added = add_notify_listener(); !added)
                return std::unexpected(added.error());
        return std::move(wiring_);
    }

  private:
    UniqueFd take_socket(const std::string &name) {
        auto node = sockets_.extract(name);
        if (node.empty()) {
            if (!has_caller_)
                wiring_.warnings.push_back(fmt::format(
                    "systemd passed no socket {}.sock; is its socket unit masked?", name));
            return {};
        }
        return std::move(node.mapped());
    }

    void argument(std::string option, std::string value) {
        wiring_.qemu.arguments.push_back(std::move(option));
        wiring_.qemu.arguments.push_back(std::move(value));
    }

    int give(UniqueFd fd) {
        wiring_.qemu.fds.push_back(std::move(fd));
        return wiring_.qemu.fds.back().get();
    }

    void keep(std::string name, UniqueFd fd) {
        if (fd)
            wiring_.companion.insert_or_assign(std::move(name), std::move(fd));
    }

    // Not by -mon: QEMU 11.1 wants -object in its place, which no older one has.
    void add_monitor(std::string option, const std::string &name) {
        UniqueFd socket = take_socket(name);
        if (!socket)
            return;
        argument("-chardev", fmt::format("socket,id={},fd={},server=on,wait=off", name,
                                         give(std::move(socket))));
        argument(std::move(option), "chardev:" + name);
    }

    // Returns our end of a new pair, QEMU's becomes the chardev `id`.
    Result<UniqueFd> add_pair(const std::string &id) {
        int fds[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
            return fail_errno(errno, "cannot create a socket pair");
        UniqueFd ours(fds[0]), qemus(fds[1]);
        setsockopt(qemus.get(), SOL_SOCKET, SO_SNDBUF, &kPortSendBuffer, sizeof kPortSendBuffer);
        argument("-chardev", fmt::format("socket,id={},fd={}", id, give(std::move(qemus))));
        return ours;
    }

    Result<> add_companion() {
        auto ours = add_pair(std::string(kCompanionChardev));
        if (!ours)
            return std::unexpected(ours.error());
        argument("-qmp", fmt::format("chardev:{}", kCompanionChardev));
        keep(kQmpFd, std::move(*ours));
        return {};
    }

    Result<> add_relayed(const SerialPortOptions &port) {
        UniqueFd listener = take_socket(port.name);
        auto ours = add_pair(port.name);
        if (!ours)
            return std::unexpected(ours.error());
        keep(guest_fd(port.name), std::move(*ours));
        keep(clients_fd(port.name), std::move(listener));
        return {};
    }

    // QEMU writes the chardev's log into the writing end of a pipe, by an fd set. The fd has to be
    // O_WRONLY, and QEMU opens it only to append (chardev/char.c, qemu_chr_open).
    Result<> add_direct(const SerialPortOptions &port) {
        UniqueFd listener = take_socket(port.name);
        if (!listener) {
            argument("-chardev", fmt::format("null,id={}", port.name));
            return {};
        }
        std::string chardev = fmt::format("socket,id={},fd={},server=on,wait=off", port.name,
                                          give(std::move(listener)));
        if (port.log) {
            int fds[2];
            if (pipe2(fds, O_CLOEXEC) != 0)
                return fail_errno(errno, "cannot create a pipe");
            UniqueFd reading(fds[0]), writing(fds[1]);
            argument("-add-fd", fmt::format("fd={},set={}", give(std::move(writing)), ++last_set_));
            chardev += fmt::format(",logfile=/dev/fdset/{},logappend=on", last_set_);
            keep(guest_fd(port.name), std::move(reading));
        }
        argument("-chardev", std::move(chardev));
        return {};
    }

    // A device needs its chardev, also when nobody is at the other end.
    void add_channel(const std::string &name) {
        UniqueFd listener = take_socket(name);
        argument("-chardev",
                 listener ? fmt::format("socket,id={},fd={}{}", name, give(std::move(listener)),
                                        has_caller_ ? "" : ",server=on,wait=off")
                          : fmt::format("null,id={}", name));
    }

    Result<> add_agent() {
        UniqueFd listener = take_socket(kAgentPort);
        auto ours = add_pair(kAgentPort);
        if (!ours)
            return std::unexpected(ours.error());
        keep(guest_fd(kAgentPort), std::move(*ours));
        keep(clients_fd(kAgentPort), std::move(listener));
        return {};
    }

    // The generator writes the other credentials into ExecStart=; this one has the port, which is
    // known only now.
    Result<> add_notify_listener() {
        auto listener = listen_on_vsock();
        if (!listener)
            return std::unexpected(listener.error());
        argument("-fw_cfg", fmt::format("name={}{},string=vsock-stream:{}:{}", kGuestCredentials,
                                        kNotifySocketCredential, VMADDR_CID_HOST, listener->port));
        keep(kNotifyFd, std::move(listener->fd));
        return {};
    }

    ListeningSockets sockets_;  // of a caller: connected ones
    const bool has_caller_;
    Wiring wiring_;
    unsigned last_set_ = 0;
};

}  // namespace

Result<Wiring> wire(const HelperOptions &options, ListeningSockets sockets,
                    const OpenImages &images) {
    return Wirer(std::move(sockets), options.has_caller).wire(options, images);
}

}  // namespace qemunit::helper
