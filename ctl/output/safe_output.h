// SPDX-License-Identifier: MIT
//
// Standard output and standard error where they are terminals: everything that a verb prints there
// goes through printable.h. main() sets this up before anything is printed. A pipe or a file gets
// all bytes as they are. The output of a serial console, which the terminal shall obey, does not
// pass here (output_queue.h).
#pragma once

#include <cstdio>

namespace qemunit::ctl {

void make_output_safe();

// The terminal itself, for sequences of our own: of libedit, and at the end of a console. The
// caller flushes stdout before.
FILE *terminal_output();

}  // namespace qemunit::ctl
