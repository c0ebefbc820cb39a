// SPDX-License-Identifier: MIT
//
// A VM keeps the units that it was started with until it ends, whatever became of its ini file
// since. Pure: the units that a running VM was started with, and those that its ini gives now ->
// units with which the VM runs on as before, and its next start uses the new ones alone. Called by
// main.cpp.
#pragma once

#include <string>

#include "common/paths.h"
#include "generator/units/render.h"

namespace qemunit::generator {

// Why the ini file gives no units.
enum class NoUnits { has_error, is_gone };

// Whether the VM's sockets are enabled: then they stay when the VM has ended, and boot it again.
enum class Sockets { of_the_vm, on_demand };

// For a VM whose ini gives other units now.
Output hold(const std::string &vm, const Paths &paths, const Output &started, const Output &now,
            Sockets sockets);

// For a VM whose ini gives no units any more: its next start says why.
Output hold(const std::string &vm, const Paths &paths, const Output &started, NoUnits why);

}  // namespace qemunit::generator
