// SPDX-License-Identifier: MIT
//
// The command, with what it has as its standard input, output and error: three pipes, or a
// terminal.
#pragma once

#include <sys/types.h>

#include "helper/init/job.h"

namespace qemunit::init {

// Our ends, which never wait. Of a terminal, `input` and `output` are the same, and there are no
// `errors` (-1).
struct CommandEnds {
    int input = -1, output = -1, errors = -1;
    bool is_terminal = false;
};

struct StartedCommand {
    pid_t process = -1;  // and its session
    CommandEnds ends;
};

StartedCommand start_command(const Job &job);

void set_window(int terminal, const char *rows_and_columns);

}  // namespace qemunit::init
