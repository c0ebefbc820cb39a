// SPDX-License-Identifier: MIT
//
// What only one running VM of the host can have: a forwarded port, an address, a tap
// interface. Two that claim the same are warned of, since they may never run together.
#pragma once

#include <map>
#include <string>

#include "generator/diagnostic.h"
#include "generator/vm.h"

namespace qemunit {

class HostClaims {
  public:
    // Compares it with all VMs added before.
    void add(const Vm &vm, Diagnostics &diagnostics);

  private:
    struct Claim {
        std::string vm;
        Location where;
        std::string address;  // of a port; "": all
    };
    void claim(const Vm &vm, const std::string &what, Claim claim, Diagnostics &diagnostics);

    std::multimap<std::string, Claim, std::less<>> claims_;  // by "TCP port 10022 of the host"
};

}  // namespace qemunit
