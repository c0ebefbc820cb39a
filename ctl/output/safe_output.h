// SPDX-License-Identifier: MIT
//
// Standard output and standard error where they are terminals: what is printed there goes through
// printable.h, whatever verb prints it. main() sets this up before anything is printed. Into a
// pipe or a file everything goes as it is. A serial console, which a terminal shall obey, is
// written past this (output_queue.h).
#pragma once

#include <cstdio>

namespace qemunit::ctl {

void make_output_safe();

// The terminal itself, for what we say to it: libedit, and the end of a console. Flush stdout
// before.
FILE *terminal_output();

}  // namespace qemunit::ctl
