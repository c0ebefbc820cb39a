// SPDX-License-Identifier: MIT
//
// The one word that tells how a VM is, out of systemd's word for its unit and
// QEMU's word for its guest: the property State of org.qemunit1.VM.
#pragma once

#include <string>
#include <string_view>

namespace qemunit::bus {

// Whether a QEMU may be there to talk to. While the unit starts, which with Ready= takes as
// long as the guest's boot, only if it has a main process: a connection to the socket of a VM
// that is off, or between two attempts of Restart=, would boot it.
bool is_unit_up(std::string_view active_state, bool has_main_process);

// Why a VM does not run, by its files.
struct VmFiles {
    bool is_broken = false;      // its ini has errors
    bool is_hibernated = false;  // the next start goes on from a saved state
};

// `qmp_status`: of query-status; empty while QEMU has not answered.
std::string vm_state(std::string_view active_state, std::string_view qmp_status,
                     VmFiles files = {});

}  // namespace qemunit::bus
