// SPDX-License-Identifier: MIT
//
// What the init is told to do: the file beside it in the initrd (common/run/protocol.h).
#pragma once

#include <stddef.h>

namespace qemunit::init {

struct Job {
    char *text = nullptr;
    size_t size = 0;
};

Job read_job();

// The next value of the key behind `after`; nullptr: no more.
char *next_value(const Job &job, const char *key, char *after = nullptr);

}  // namespace qemunit::init
