// SPDX-License-Identifier: MIT
//
// The guest's file system: its root with a layer in memory, the shared folders, what the kernel
// has.
#pragma once

#include "helper/init/job.h"

namespace qemunit::init {

// The root as it is ordered; this process goes there.
void mount_root(const Job &job, int uevents);

// /run, and what else a system has.
void mount_usual();

void mount_shares(const Job &job);

}  // namespace qemunit::init
