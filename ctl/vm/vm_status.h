// SPDX-License-Identifier: MIT
//
// What `list` and `status` say of VMs: qemunitd and systemd are asked everything at once, so that a
// QEMU that hangs delays the answers of no other VM.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "common/qmp/user_networks.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

// What is not known is empty: the VM is off, or the caller may not ask it. `vm.state` is qemunitd's
// word, but "failed" in place of "crashed" where systemd has given up and QEMU did not crash.
struct VmStatus {
    ListedVm vm;
    std::optional<uint64_t> up_usec;
    std::optional<uint64_t> memory;  // bytes that all its processes occupy
    std::optional<std::vector<Forward>> forwards;
    std::string result;  // systemd's word for how it failed ("timeout"); "" if it has not
    uint32_t pid = 0;    // QEMU's, of the machine whose bus it is; 0: it does not run
};

// Whether the VM runs a QEMU that was replaced since, as by an upgrade. Of another machine's VM
// that is not known: false.
bool has_old_qemu(const VmStatus &status, const Invocation &invocation);

Result<std::vector<VmStatus>> query_status(sd_bus *bus, std::vector<ListedVm> vms);

}  // namespace qemunit::ctl
