// SPDX-License-Identifier: MIT
//
// Conflicts between VMs over what only one running VM of the host can have: a forwarded port, an
// address, a tap interface. Two VMs that claim the same get a warning, since they cannot run at
// the same time.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "generator/vm/diagnostic.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

class Conflicts {
  public:
    // Compares `vm` with all VMs that were added before.
    void add(const Vm &vm, Diagnostics &diagnostics);

  private:
    // A port of the host, a network interface of it, a card's address, a CID of vsock, a device of
    // the host.
    enum class Kind { tcp_port, udp_port, interface, mac, cid, pci_device, usb_device };
    using Resource = std::pair<Kind, std::string>;
    struct Claim {
        std::string vm;
        Location where;
        std::string address;  // that a claim on a port is limited to; "": all
    };
    void claim(Resource resource, Claim claim, Diagnostics &diagnostics);
    static std::string to_text(const Resource &resource);

    std::multimap<Resource, Claim> claims_;
};

}  // namespace qemunit::generator
