// SPDX-License-Identifier: MIT
//
// A VM -> the files and links that the generator writes for it. Pure.
#pragma once

#include <string>
#include <vector>

#include "generator/units/drop_in.h"
#include "generator/units/sandbox.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

struct OutputLink {
    std::string path;    // "machines.target.wants/qemu@vm1.service"
    std::string target;  // absolute: the template unit, or a shipped drop-in
};

struct Output {
    std::vector<OutputFile> files;
    std::vector<OutputLink> links;
};

// The command of a VM of `qemunitctl run`, which is no template's instance: qemunit-helper, and
// what it is told.
std::vector<std::string> run_command(const Vm &vm, Architecture host);

Output render(const Vm &vm, Architecture host, Namespaces namespaces = Namespaces::available);

}  // namespace qemunit::generator
