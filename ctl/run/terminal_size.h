// SPDX-License-Identifier: MIT
//
// How big the caller's terminal is, as the guest's init is told. Changes nothing.
#pragma once

#include <string>

namespace qemunit::ctl {

// "24 80", rows and columns; those if nobody knows.
std::string size_of_terminal();

}  // namespace qemunit::ctl
