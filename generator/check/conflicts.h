// SPDX-License-Identifier: MIT
//
// What only one running VM of the host can have: a forwarded port, an address, a tap
// interface. Two that claim the same are warned of, since they may never run together.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "generator/vm/diagnostic.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

class HostClaims {
  public:
    // Compares it with all VMs added before.
    void add(const Vm &vm, Diagnostics &diagnostics);

  private:
    // A port of the host, a network interface of it, a card's address, a CID of vsock.
    enum class Kind { tcp_port, udp_port, interface, mac, cid };
    using Thing = std::pair<Kind, std::string>;
    struct Claim {
        std::string vm;
        Location where;
        std::string address;  // what the claim is limited to, of a port an address; "": nothing
    };
    void claim(Thing thing, Claim claim, Diagnostics &diagnostics);
    static std::string to_text(const Thing &thing);

    std::multimap<Thing, Claim> claims_;
};

}  // namespace qemunit::generator
