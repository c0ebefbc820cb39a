// SPDX-License-Identifier: MIT
//
// Which metrics there are: the figures of all VMs as text. qemunit-metrics(8) lists the metrics,
// and a test compares. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/figures/vm_figures.h"
#include "metrics/exposition.h"

namespace qemunit::metrics {

// `nanoseconds`: how long it took to ask for the figures.
std::string metrics_text(const Figures &figures, uint64_t nanoseconds, Format format);

// All that there are.
std::vector<Family> families();

}  // namespace qemunit::metrics
