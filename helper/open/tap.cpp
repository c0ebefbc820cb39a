// SPDX-License-Identifier: MIT
#include "helper/open/tap.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <sys/ioctl.h>

#include <cerrno>

namespace qemunit::helper {

Result<Tap> parse_tap(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == 0 || colon == text.npos || colon + 1 == text.size() ||
        text.size() - colon - 1 >= IFNAMSIZ)
        return fail(EINVAL, fmt::format("--tap='{}' is not NETWORK:INTERFACE", text));
    return Tap{std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

Result<UniqueFd> open_tap(const Tap &tap) {
    UniqueFd fd(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (!fd)
        return fail_errno(errno, "cannot open /dev/net/tun");
    ifreq request{};
    tap.interface.copy(request.ifr_name, IFNAMSIZ - 1);
    // As QEMU opens it; QEMU finds out by itself what it has got (net/tap-linux.c).
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    const auto cannot = [&](int code) {
        return fail_errno(code, fmt::format("[Network {}]: cannot open the tap interface '{}'",
                                            tap.network, tap.interface));
    };
    if (ioctl(fd.get(), TUNSETIFF, &request) != 0)
        return cannot(errno);
    if (ioctl(fd.get(), TUNGETIFF, &request) != 0)
        return cannot(errno);
    if ((request.ifr_flags & IFF_PERSIST) == 0)
        return fail(ENODEV,
                    fmt::format("[Network {0}]: there is no tap interface '{1}'; `systemctl status "
                                "qemu-tap@{1}` says why",
                                tap.network, tap.interface));
    return fd;
}

}  // namespace qemunit::helper
