// SPDX-License-Identifier: MIT
//
// Asks one QEMU all that the statistics of its VM are made of, at once, and writes them into a
// message. For GetStatistics of one VM and GetAllStatistics of all. Answers nobody itself.
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "bus/monitor/statistics.h"
#include "bus/vms/vm.h"

namespace qemunit::bus {

struct Gathered {
    Statistics statistics;
    std::optional<QmpError> trouble;  // QEMU did not answer, or not everything
};

enum class Depth {
    // All that QEMU knows. Networks of interfaces that QEMU opened itself take a command of the
    // human
    // monitor.
    everything,
    // For who asks again and again of many VMs: what changes by the moment is asked, the rest is
    // what was
    // answered within the last half minute. Of networks, those with interfaces that QEMU was
    // handed.
    what_changes,
};

// `vm` has no refusal(). `deadline`: CLOCK_MONOTONIC, in µs, and `now` likewise. `done` is called
// once.
void gather_statistics(const std::shared_ptr<Vm> &vm, uint64_t now, uint64_t deadline, Depth depth,
                       std::function<void(const Gathered &)> done);

// The entries of a dictionary a{sv} that is open: those of `keys`, or all if it is empty.
int append_statistics(sd_bus_message *reply, const Statistics &statistics,
                      const std::set<std::string> &keys = {});

}  // namespace qemunit::bus
