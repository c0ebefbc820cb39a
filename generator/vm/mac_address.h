// SPDX-License-Identifier: MIT
//
// The addresses of network cards that the ini gives none. Pure; for the command line, and for
// who looks for two that are the same.
#pragma once

#include <cstdint>
#include <string>

#include "generator/vm/vm.h"

namespace qemunit::generator {

// The address of MAC=, or one made of names: in QEMU's range, and the same at each start, so that a
// guest keeps its leases and the names of its interfaces.
std::string mac_address(const Vm &vm, const Network &network);

// Whether others than the host meet the address, so that it must differ from that of a VM of the
// same name on another host. Those that nobody meets are made of the names of VM and card alone.
bool is_made_with_host_id(const Network &network);

// 24 bits that differ from card to card (FNV-1a).
uint32_t hash_of_name(const Vm &vm, const Network &network);

// SipHash-2-4 (Aumasson, Bernstein): from what it gives, nobody learns the key.
uint64_t keyed_hash(const HostId &key, std::string_view text);

}  // namespace qemunit::generator
