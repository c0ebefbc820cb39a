// SPDX-License-Identifier: MIT
//
// The form of each file that the generator writes: a drop-in for a shipped unit.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "generator/vm/vm.h"

namespace qemunit::generator {

struct OutputFile {
    std::string path;  // below the output directory: "qemu@vm1.service.d/50-qemunit.conf"
    std::string content;
};

struct UnitSection {
    std::string_view name;  // "Service"
    std::string lines;
};

// Sections without lines are left out.
OutputFile drop_in(const Vm &vm, std::string_view unit,
                   std::initializer_list<UnitSection> sections);

}  // namespace qemunit::generator
