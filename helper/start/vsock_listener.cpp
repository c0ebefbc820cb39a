// SPDX-License-Identifier: MIT
#include "helper/start/vsock_listener.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/socket.h>
// After <sys/socket.h>, which it needs.
#include <linux/vm_sockets.h>

#include <cerrno>

namespace qemunit::helper {

namespace {

constexpr const char *kDevice = "/dev/vhost-vsock";
constexpr int kBacklog = 16;

// To open the device also loads the module, where the node is there before (modules.devname).
// Without the module, nobody can listen on the host's CID.
Result<> check_device() {
    if (UniqueFd(open(kDevice, O_RDWR | O_CLOEXEC)))
        return {};
    const int error = errno;
    return fail_errno(
        error,
        fmt::format("Ready=notify: cannot open {}{}", kDevice,
                    error == ENOENT
                        ? ", by which a guest has vsock (`modprobe vhost_vsock` makes it, with a "
                          "line in /etc/modules-load.d/ at each boot)"
                    : error == EACCES || error == EPERM
                        ? ", by which a guest has vsock (its owner can allow it with `setfacl`; on "
                          "Debian it is for the group kvm)"
                        : ""));
}

}  // namespace

// With PrivateNetwork=yes, too: up to Linux 6.x all network namespaces share one vsock; from 7.0 on
// one may have its own (net.vsock.ns_mode), and QEMU is in ours.
Result<VsockListener> listen_on_vsock() {
    if (auto usable = check_device(); !usable)
        return std::unexpected(usable.error());
    UniqueFd fd(socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd)
        return fail_errno(errno, "Ready=notify: cannot create a vsock socket");
    sockaddr_vm address{};
    address.svm_family = AF_VSOCK;
    address.svm_cid = VMADDR_CID_HOST;
    address.svm_port = VMADDR_PORT_ANY;
    auto *generic = reinterpret_cast<sockaddr *>(&address);
    socklen_t length = sizeof address;
    if (bind(fd.get(), generic, length) != 0 || listen(fd.get(), kBacklog) != 0 ||
        getsockname(fd.get(), generic, &length) != 0)
        return fail_errno(errno, "Ready=notify: cannot listen on vsock");
    return VsockListener{std::move(fd), address.svm_port};
}

}  // namespace qemunit::helper
