// SPDX-License-Identifier: MIT
//
// The guest's network: its loopback, and the card if it has one.
#pragma once

#include "helper/init/job.h"

namespace qemunit::init {

void bring_up_loopback();

// Address, way out and name server, as they are ordered. For a guest that is in its root already.
void set_up_card(const Job &job, int uevents);

}  // namespace qemunit::init
