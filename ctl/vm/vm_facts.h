// SPDX-License-Identifier: MIT
//
// What `list` and `status` say of a VM, collected from qemunitd and systemd by all their
// questions at once: a QEMU that hangs costs its own answer, and nobody else's.
#pragma once

#include <optional>
#include <vector>

#include "common/qmp/user_networks.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

// What is not known is empty: the VM is off, or it may not be asked. The state is qemunitd's,
// but "failed" in place of "crashed" where systemd has given up and nobody crashed.
struct VmFacts {
    ListedVm vm;
    std::optional<uint64_t> up_usec;
    std::optional<uint64_t> memory;  // bytes that all its processes occupy
    std::optional<std::vector<Forward>> forwards;
    std::string result;  // systemd's word for how it failed ("timeout"); "" if it has not
};

Result<std::vector<VmFacts>> collect_facts(sd_bus *bus, std::vector<ListedVm> vms);

}  // namespace qemunit::ctl
