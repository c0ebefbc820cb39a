// SPDX-License-Identifier: MIT
//
// What `qemunitctl top` shows of each VM: rates, out of the figures of two moments. Sorted and
// filtered. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/figures/vm_figures.h"
#include "common/result.h"

namespace qemunit::ctl {

// What is not known is empty. Processors in % of one; rates in bytes a second.
struct TopRow {
    std::string name, state;
    bool hangs = false;  // up, and QEMU does not answer
    std::optional<uint64_t> up_usec;
    std::optional<double> cpu;             // of the VM's unit
    std::optional<double> guest;           // of the threads that run the guest's processors
    std::optional<double> qemu;            // the rest
    std::optional<double> steal;           // what the guest had to wait for
    std::optional<uint64_t> memory;        // that the unit takes of the host
    std::optional<uint64_t> guest_memory;  // that the guest has
    std::optional<uint64_t> balloon;       // that the balloon leaves it
    std::optional<uint64_t> swap;          // of the host
    std::optional<double> read, written, received, sent;
};

struct Moment {
    Figures figures;
    uint64_t monotonic = 0, realtime = 0;  // µs
};

// `before`: nothing at first, and there are no rates.
std::vector<TopRow> top_rows(const Moment *before, const Moment &now);

enum class TopSort { name, cpu, memory, disk, network, uptime };
// "cpu"; the error names them all.
Result<TopSort> parse_top_sort(std::string_view word);
std::string_view top_sort_name(TopSort sort);

// The largest first, but names from A on; VMs that are equal, and what is not known, by their
// names.
void sort_rows(std::vector<TopRow> &rows, TopSort sort, bool reverse);

// Those whose name or state contains `filter`, whatever the case of its letters.
std::vector<TopRow> filtered_rows(std::vector<TopRow> rows, std::string_view filter);

// Of all rows: the sums of what is known.
TopRow top_total(const std::vector<TopRow> &rows);

}  // namespace qemunit::ctl
