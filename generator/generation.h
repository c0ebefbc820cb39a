// SPDX-License-Identifier: MIT
//
// One run over all VMs: search -> ini -> schema -> VM -> QEMU arguments -> unit text -> write, and
// what VMs that run still hold of the run before. Called by main.cpp; logs what is wrong with ini
// files.
#pragma once

#include "common/paths.h"
#include "generator/log.h"
#include "generator/options.h"
#include "generator/vm/vm.h"

namespace qemunit::generator {

// Returns the exit code. Units go to options.output, or to standard output for a dry run.
int generate(const GeneratorOptions &options, const Paths &paths, Architecture host,
             const Log &log);

}  // namespace qemunit::generator
