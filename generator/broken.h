// SPDX-License-Identifier: MIT
//
// What is left in the generator's output of a VM whose ini has errors, since it gets no command: a
// file that systemd passes over, from which qemunitd knows that there is such a VM, and why it does
// not start.
#pragma once

#include "generator/read/search.h"
#include "generator/units/render.h"
#include "generator/vm/diagnostic.h"

namespace qemunit::generator {

// The first line is the path of its ini, as a drop-in's SourcePath= would have it; each further one
// is an error. Beside it, where the VM's name makes no user's name, a drop-in with that of its user.
// The result is empty for a VM without an error, which is masked. `root` is cut off all paths.
Output render_broken(const VmSource &source, const std::string &root, bool is_of_user,
                     const Diagnostics &diagnostics);

}  // namespace qemunit::generator
