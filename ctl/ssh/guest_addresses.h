// SPDX-License-Identifier: MIT
//
// The addresses of a guest's network cards, where the network is one of this machine: from the
// guest agent, from leases of DHCP servers here, and from what the kernel knows of its neighbours.
// For `proxy`. Believes none of them: a guest says what it likes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ctl/ssh/ssh_facts.h"

namespace qemunit::ctl {

struct CardAddress {
    std::string interface;  // of this machine, where it should be
    std::string address;    // "192.0.2.7", "fe80::1%br0"

    bool operator==(const CardAddress &) const = default;
};

// The answer to guest-network-get-interfaces: addresses of these cards.
std::vector<CardAddress> addresses_by_agent(std::string_view json,
                                            const std::vector<NetworkCard> &cards);

// /proc/net/arp
std::vector<CardAddress> addresses_by_arp(std::string_view table,
                                          const std::vector<NetworkCard> &cards);

// The leases of dnsmasq(8): "TIME MAC ADDRESS NAME ID".
std::vector<CardAddress> addresses_by_leases(std::string_view leases,
                                             const std::vector<NetworkCard> &cards);

// What a card without any other address has (RFC 4291, appendix A), "fe80::…%tap0".
std::string link_local_address(const NetworkCard &card);

// What this machine knows by itself: leases and neighbours, then the addresses above.
std::vector<CardAddress> addresses_by_host(const std::vector<NetworkCard> &cards);

}  // namespace qemunit::ctl
