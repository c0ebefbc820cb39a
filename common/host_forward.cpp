// SPDX-License-Identifier: MIT
#include "common/host_forward.h"

#include <arpa/inet.h>

#include <optional>

#include "common/whole_number.h"

namespace qemunit {

namespace {

std::optional<unsigned> parse_port(std::string_view text) {
    return whole_number<unsigned>(text, {.least = 1, .most = 65535});
}

// "" or an IPv4 address: all that QEMU 7.2's user network forwards (net/slirp.c).
bool is_forward_address(std::string_view text) {
    in_addr address{};
    return text.empty() || inet_pton(AF_INET, std::string(text).c_str(), &address) == 1;
}

}  // namespace

// tcp:HOSTADDR:HOSTPORT-GUESTADDR:GUESTPORT, the addresses may be empty (qemu(1), hostfwd).
std::expected<HostForward, std::string> parse_host_forward(std::string_view text) {
    const auto fault = [](std::string_view what) {
        return std::unexpected(
            std::string(what) +
            "; write tcp::10022-:22, which is PROTOCOL:[HOST ADDRESS]:PORT-[GUEST ADDRESS]:PORT.");
    };
    if (!text.starts_with("tcp:") && !text.starts_with("udp:"))
        return fault("does not begin with tcp: or udp:");
    const std::string_view both = text.substr(4);
    const std::size_t dash = both.find('-');
    if (dash == both.npos)
        return fault("no '-' between host and guest");
    const std::string_view host = both.substr(0, dash), guest = both.substr(dash + 1);
    const std::size_t host_colon = host.rfind(':'), guest_colon = guest.rfind(':');
    if (host_colon == host.npos || guest_colon == guest.npos)
        return fault("no ':' before a port");
    const auto host_port = parse_port(host.substr(host_colon + 1));
    const auto guest_port = parse_port(guest.substr(guest_colon + 1));
    if (!host_port || !guest_port)
        return fault("a port is not a number from 1 to 65535");
    const std::string host_address(host.substr(0, host_colon));
    const std::string guest_address(guest.substr(0, guest_colon));
    if (!is_forward_address(host_address) || !is_forward_address(guest_address))
        return fault("an address is neither empty nor IPv4");
    return HostForward{std::string(text), std::string(text.substr(0, 3)),
                       host_address,      *host_port,
                       guest_address,     *guest_port};
}

}  // namespace qemunit
