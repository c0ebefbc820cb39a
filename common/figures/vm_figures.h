// SPDX-License-Identifier: MIT
//
// What VMs use, as values: the one source of qemunit-metrics and `qemunitctl top`. What is not
// known is empty or not there.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace qemunit {

// Times in ns.
struct ThreadFigures {
    std::optional<uint64_t> running;  // on a processor of the host
    std::optional<uint64_t> waiting;  // for one, though ready to run: the guest's steal time
    std::optional<uint64_t> guest;    // in the guest's code, of `running`; with KVM only
};

// Of a service and its main process.
struct ProcessFigures {
    std::optional<uint64_t> cpu;  // ns, of all processes of the service
    std::optional<uint64_t>
        memory;  // bytes that all of them occupy, with what the kernel has cached
    std::optional<uint64_t> resident;  // bytes of the main process in RAM
    std::optional<uint64_t> swapped;   // bytes of the main process in swap
    std::vector<ThreadFigures> threads;
};

using FigureCounters = std::map<std::string, uint64_t>;

struct JobFigures {
    std::string id, type, status;
    uint64_t current = 0, total = 0;
};

// The last time that a unit of a VM has run, qemu-backup@VM.service or qemu-snapshot@VM.service.
struct LastRun {
    uint64_t ended = 0;  // µs, CLOCK_REALTIME
    bool was_successful = false;
};

struct VmFigures {
    std::string name;
    std::string state;                 // as in org.qemunit1(5)
    uint32_t main_pid = 0;             // QEMU
    std::optional<bool> answers;       // QEMU, in time; only of a VM that runs
    std::optional<uint64_t> answered;  // when: µs, CLOCK_MONOTONIC
    std::optional<uint64_t> since;     // µs, CLOCK_REALTIME
    std::optional<uint64_t> restarts;
    ProcessFigures process;
    std::optional<LastRun> backup, snapshot;

    // As GetAllStatistics has them.
    FigureCounters numbers;  // "Memory"
    std::map<std::string, FigureCounters> drives, networks;
    // Drive -> "read" -> (ns, how many took less than that and not less than the one before).
    std::map<std::string, std::map<std::string, std::vector<std::pair<uint64_t, uint64_t>>>>
        latencies;
    std::vector<uint32_t> cpu_threads;
    std::vector<JobFigures> jobs;
    FigureCounters events;
};

struct Figures {
    bool daemon_answers = false;
    ProcessFigures daemon;  // qemunitd
    std::map<std::string, VmFigures> vms;
};

}  // namespace qemunit
