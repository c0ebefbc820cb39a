// SPDX-License-Identifier: MIT
//
// The units beside qemu@NAME.service that some settings need: those that make images and tap
// interfaces, and the programs that serve a TPM, a network or a folder. systemd starts them before
// QEMU, and stops them when the VM has ended.
#pragma once

#include <string>
#include <vector>

#include "generator/units/drop_in.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

struct SupportingUnits {
    std::vector<std::string> wanted;  // by the VM's service, which comes after them
    // A supporting unit that another one wants.
    struct Want {
        std::string by, unit;
    };
    std::vector<Want> wants;
    std::vector<OutputFile> files;  // drop-ins of them
};

SupportingUnits supporting_units(const Vm &vm);

}  // namespace qemunit::generator
