// SPDX-License-Identifier: MIT
//
// How the guest ends. For all of qemunit-init, whose own end the kernel would take for a panic.
#pragma once

namespace qemunit::init {

// The port to the caller; -1 until it is there.
extern int control;

[[noreturn]] void power_off();

// Tells the caller, waits until the caller has heard, and powers off. Said on the console as well,
// which is there before the port.
[[noreturn]] __attribute__((format(printf, 1, 2))) void give_up(const char *format, ...);

}  // namespace qemunit::init
