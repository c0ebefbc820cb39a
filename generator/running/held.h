// SPDX-License-Identifier: MIT
//
// What a VM was started with holds until it ends, whatever became of its ini file since. Pure: the
// units that a running VM was started with and those that its ini gives now -> the units that let
// it run on with the old ones, and start anew with the new ones alone. Called by main.cpp.
#pragma once

#include <string>

#include "common/paths.h"
#include "generator/units/render.h"

namespace qemunit::generator {

// Why the ini file gives no units.
enum class NoUnits { has_error, is_gone };

// Whether its sockets are enabled, so that they stay when the VM has ended, and boot it again.
enum class Sockets { of_the_vm, on_demand };

// The ini of `vm` gives other units now.
Output hold(const std::string &vm, const Paths &paths, const Output &started, const Output &now,
            Sockets sockets);

// The ini of `vm` gives none any more: started anew, the VM says why.
Output hold(const std::string &vm, const Paths &paths, const Output &started, NoUnits why);

}  // namespace qemunit::generator
