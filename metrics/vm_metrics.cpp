// SPDX-License-Identifier: MIT
#include "metrics/vm_metrics.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "common/paths.h"
#include "common/vm_name.h"

namespace qemunit::metrics {

namespace {

constexpr std::array<std::string_view, 8> kStates = {
    "off", "hibernated", "broken", "starting", "running", "paused", "stopping", "crashed"};
constexpr std::string_view kOther = "other";

// JobType of QEMU's qapi/job.json.
constexpr std::array<std::string_view, 9> kJobTypes = {
    "commit", "stream",        "mirror",        "backup",         "create",
    "amend",  "snapshot-load", "snapshot-save", "snapshot-delete"};

// A guest that has taken its QEMU over chooses what its drives and networks are called: of those,
// so many that a VM can have, with names that an ini can have.
constexpr std::size_t kThingsMax = 64;

constexpr uint64_t kNsecPerUsec = 1000;

template <std::size_t kCount>
std::string_view known_or_other(const std::array<std::string_view, kCount> &known,
                                std::string_view word) {
    const auto *found = std::ranges::find(known, word);
    return found == known.end() ? kOther : *found;
}

void add_number(Exposition &to, const VmFigures &vm, const std::optional<uint64_t> &number) {
    if (number)
        to.add({{"vm", vm.name}}, *number);
}

void add_time(Exposition &to, const VmFigures &vm, const std::optional<uint64_t> &nanoseconds) {
    if (nanoseconds)
        to.add_seconds({{"vm", vm.name}}, *nanoseconds);
}

template <typename Things, typename Add>
void for_each_thing(const Things &things, Add add) {
    std::size_t count = 0;
    for (const auto &[name, thing] : things)
        if (is_device_name(name) && name.size() <= kDeviceNameMax && count++ < kThingsMax)
            add(name, thing);
}

void add_counter_of(Exposition &to, const VmFigures &vm, std::string_view label,
                    const std::map<std::string, FigureCounters> &things,
                    const std::string &counter) {
    for_each_thing(things, [&](const std::string &name, const FigureCounters &counters) {
        if (const auto found = counters.find(counter); found != counters.end())
            to.add({{"vm", vm.name}, {label, name}}, found->second);
    });
}

template <const char *kCounter>
void add_of_drive(Exposition &to, const VmFigures &vm) {
    add_counter_of(to, vm, "drive", vm.drives, kCounter);
}

template <const char *kCounter>
void add_of_network(Exposition &to, const VmFigures &vm) {
    add_counter_of(to, vm, "network", vm.networks, kCounter);
}

// {"read", "rd_operations"} with `before` "" and `behind` "_operations".
constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kOperations = {
    {{"read", "rd"}, {"write", "wr"}, {"flush", "flush"}, {"discard", "unmap"}}};

template <typename Add>
void for_each_operation(const VmFigures &vm, std::string_view before, std::string_view behind,
                        Add add) {
    for_each_thing(vm.drives, [&](const std::string &name, const FigureCounters &counters) {
        for (const auto &[operation, word] : kOperations)
            if (const auto found = counters.find(std::string(before).append(word).append(behind));
                found != counters.end())
                add(name, operation, found->second);
    });
}

void add_states(Exposition &to, const VmFigures &vm) {
    const std::string_view state = known_or_other(kStates, vm.state);
    for (const std::string_view one : kStates)
        to.add({{"vm", vm.name}, {"state", one}}, one == state);
    to.add({{"vm", vm.name}, {"state", kOther}}, kOther == state);
}

void add_operations(Exposition &to, const VmFigures &vm) {
    for_each_operation(vm, "", "_operations", [&](const auto &drive, auto operation, uint64_t n) {
        to.add({{"vm", vm.name}, {"drive", drive}, {"operation", operation}}, n);
    });
}

void add_errors(Exposition &to, const VmFigures &vm) {
    for_each_operation(vm, "failed_", "_operations",
                       [&](const auto &drive, auto operation, uint64_t n) {
                           to.add({{"vm", vm.name}, {"drive", drive}, {"operation", operation}}, n);
                       });
}

void add_operation_times(Exposition &to, const VmFigures &vm) {
    for_each_operation(
        vm, "", "_total_time_ns", [&](const auto &drive, auto operation, uint64_t n) {
            to.add_seconds({{"vm", vm.name}, {"drive", drive}, {"operation", operation}}, n);
        });
}

void add_latencies(Exposition &to, const VmFigures &vm) {
    for_each_thing(vm.latencies, [&](const std::string &drive, const auto &kinds) {
        for (const auto &[operation, bins] : kinds) {
            uint64_t sum = 0;
            for (const auto &[bound, count] : bins) {
                sum += count;
                to.add_bucket({{"vm", vm.name}, {"drive", drive}, {"operation", operation}}, bound,
                              sum);
            }
        }
    });
}

template <std::optional<uint64_t> ThreadFigures::*kTime>
void add_of_threads(Exposition &to, const VmFigures &vm) {
    for (std::size_t i = 0; i < vm.process.threads.size(); ++i)
        if (const auto &time = vm.process.threads[i].*kTime)
            to.add_seconds({{"vm", vm.name}, {"vcpu", std::to_string(i)}}, *time);
}

template <std::optional<uint64_t> ProcessFigures::*kNumber>
void add_of_process(Exposition &to, const VmFigures &vm) {
    add_number(to, vm, vm.process.*kNumber);
}

template <const char *kKey>
void add_of_numbers(Exposition &to, const VmFigures &vm) {
    if (const auto found = vm.numbers.find(kKey); found != vm.numbers.end())
        to.add({{"vm", vm.name}}, found->second);
}

std::map<std::string_view, std::vector<const JobFigures *>> jobs_by_type(const VmFigures &vm) {
    std::map<std::string_view, std::vector<const JobFigures *>> jobs;
    for (const JobFigures &job : vm.jobs)
        if (job.status != "concluded" && job.status != "null")
            jobs[known_or_other(kJobTypes, job.type)].push_back(&job);
    return jobs;
}

void add_jobs(Exposition &to, const VmFigures &vm) {
    for (const auto &[type, jobs] : jobs_by_type(vm))
        to.add({{"vm", vm.name}, {"type", type}}, jobs.size());
}

void add_job_progress(Exposition &to, const VmFigures &vm) {
    for (const auto &[type, jobs] : jobs_by_type(vm)) {
        uint64_t current = 0, total = 0;
        for (const JobFigures *job : jobs) {
            // A QEMU that was taken over may say anything.
            total += std::min<uint64_t>(job->total, UINT64_MAX / 128);
            current += std::min(job->current, std::min<uint64_t>(job->total, UINT64_MAX / 128));
        }
        to.add_ratio({{"vm", vm.name}, {"type", type}}, current, total);
    }
}

// What alerts are made of, from 0 on: rate() does not see a series that begins with 1.
constexpr std::array<const char *, 3> kEventsFromZero = {"BLOCK_IO_ERROR", "GUEST_PANICKED",
                                                         "WATCHDOG"};

void add_events(Exposition &to, const VmFigures &vm) {
    FigureCounters events = vm.events;
    if (vm.answers == true)
        for (const char *event : kEventsFromZero)
            events.try_emplace(event, 0);
    for (const auto &[event, count] : events)
        to.add({{"vm", vm.name}, {"event", event}}, count);
}

template <std::optional<LastRun> VmFigures::*kRun>
void add_end_of_run(Exposition &to, const VmFigures &vm) {
    if (const auto &run = vm.*kRun)
        to.add_seconds({{"vm", vm.name}}, run->ended * kNsecPerUsec);
}

template <std::optional<LastRun> VmFigures::*kRun>
void add_success_of_run(Exposition &to, const VmFigures &vm) {
    if (const auto &run = vm.*kRun)
        to.add({{"vm", vm.name}}, run->was_successful);
}

constexpr char kMemory[] = "Memory", kBalloon[] = "BalloonActual", kCpus[] = "CPUs";
constexpr char kReadBytes[] = "rd_bytes", kWrittenBytes[] = "wr_bytes",
               kDiscardedBytes[] = "unmap_bytes";
constexpr char kRxBytes[] = "rx_bytes", kRxPackets[] = "rx_packets", kRxDropped[] = "rx_dropped",
               kRxErrors[] = "rx_errors", kTxBytes[] = "tx_bytes", kTxPackets[] = "tx_packets",
               kTxDropped[] = "tx_dropped", kTxErrors[] = "tx_errors";

struct VmFamily {
    Family family;
    void (*add)(Exposition &to, const VmFigures &vm);
};

// The metrics of each VM. All have the label vm.
constexpr VmFamily kVmFamilies[] = {
    {{"qemunit_vm_state", Type::gauge, "", "Whether the VM is in this state."}, add_states},
    {{"qemunit_vm_answers", Type::gauge, "",
      "Whether the QEMU of a VM that runs has answered in time."},
     [](Exposition &to, const VmFigures &vm) {
         if (vm.answers)
             to.add({{"vm", vm.name}}, *vm.answers);
     }},
    {{"qemunit_vm_start_time_seconds", Type::gauge, "seconds",
      "When the VM was started, in seconds since 1970."},
     [](Exposition &to, const VmFigures &vm) {
         if (vm.since)
             to.add_seconds({{"vm", vm.name}}, *vm.since * kNsecPerUsec);
     }},
    {{"qemunit_vm_restarts", Type::counter, "",
      "How often systemd has started the VM anew by itself (Restart=)."},
     [](Exposition &to, const VmFigures &vm) {
         add_number(to, vm, vm.restarts);
     }},
    {{"qemunit_vm_cpu_seconds", Type::counter, "seconds",
      "Processor time of the VM's unit, the guest's included."},
     [](Exposition &to, const VmFigures &vm) {
         add_time(to, vm, vm.process.cpu);
     }},
    {{"qemunit_vm_vcpus", Type::gauge, "", "Processors of the guest."}, add_of_numbers<kCpus>},
    {{"qemunit_vm_vcpu_seconds", Type::counter, "seconds",
      "Processor time of a thread that runs a processor of the guest."},
     add_of_threads<&ThreadFigures::running>},
    {{"qemunit_vm_vcpu_guest_seconds", Type::counter, "seconds",
      "The part of it that the guest's own code took; 0 without KVM."},
     add_of_threads<&ThreadFigures::guest>},
    {{"qemunit_vm_vcpu_wait_seconds", Type::counter, "seconds",
      "Time that a processor of the guest was ready to run and the host had none for it (steal "
      "time)."},
     add_of_threads<&ThreadFigures::waiting>},
    {{"qemunit_vm_memory_bytes", Type::gauge, "bytes", "Memory of the guest."},
     add_of_numbers<kMemory>},
    {{"qemunit_vm_balloon_bytes", Type::gauge, "bytes",
      "Memory that the balloon leaves the guest, with Balloon=yes."},
     add_of_numbers<kBalloon>},
    {{"qemunit_vm_service_memory_bytes", Type::gauge, "bytes",
      "Memory of the host that the VM's unit uses, with what the kernel has cached for it."},
     add_of_process<&ProcessFigures::memory>},
    {{"qemunit_vm_resident_memory_bytes", Type::gauge, "bytes", "Memory of QEMU that is in RAM."},
     add_of_process<&ProcessFigures::resident>},
    {{"qemunit_vm_swapped_memory_bytes", Type::gauge, "bytes",
      "Memory of QEMU that the host has swapped out."},
     add_of_process<&ProcessFigures::swapped>},
    {{"qemunit_vm_drive_read_bytes", Type::counter, "bytes", "What the guest has read."},
     add_of_drive<kReadBytes>},
    {{"qemunit_vm_drive_written_bytes", Type::counter, "bytes", "What the guest has written."},
     add_of_drive<kWrittenBytes>},
    {{"qemunit_vm_drive_discarded_bytes", Type::counter, "bytes", "What the guest has given back."},
     add_of_drive<kDiscardedBytes>},
    {{"qemunit_vm_drive_operations", Type::counter, "", "Operations of the guest on the drive."},
     add_operations},
    {{"qemunit_vm_drive_errors", Type::counter, "", "Those that failed."}, add_errors},
    {{"qemunit_vm_drive_operation_seconds", Type::counter, "seconds",
      "How long all operations took together."},
     add_operation_times},
    {{"qemunit_vm_drive_latency_seconds", Type::histogram, "seconds",
      "How long each operation took, of those since the first time that QEMU was asked for it."},
     add_latencies},
    {{"qemunit_vm_network_receive_bytes", Type::counter, "bytes",
      "What has come to the guest, by a tap interface."},
     add_of_network<kRxBytes>},
    {{"qemunit_vm_network_receive_packets", Type::counter, "", "Packets that have come."},
     add_of_network<kRxPackets>},
    {{"qemunit_vm_network_receive_dropped", Type::counter, "",
      "Packets that the guest did not take in time."},
     add_of_network<kRxDropped>},
    {{"qemunit_vm_network_receive_errors", Type::counter, "", "Errors on the way to the guest."},
     add_of_network<kRxErrors>},
    {{"qemunit_vm_network_transmit_bytes", Type::counter, "bytes",
      "What the guest has sent, by a tap interface."},
     add_of_network<kTxBytes>},
    {{"qemunit_vm_network_transmit_packets", Type::counter, "", "Packets that the guest has sent."},
     add_of_network<kTxPackets>},
    {{"qemunit_vm_network_transmit_dropped", Type::counter, "",
      "Packets of the guest that the host dropped."},
     add_of_network<kTxDropped>},
    {{"qemunit_vm_network_transmit_errors", Type::counter, "", "Errors on the way from the guest."},
     add_of_network<kTxErrors>},
    {{"qemunit_vm_jobs", Type::gauge, "", "What QEMU does in the background, by type."}, add_jobs},
    {{"qemunit_vm_job_progress_ratio", Type::gauge, "ratio",
      "How much of those jobs is done, from 0 to 1."},
     add_job_progress},
    {{"qemunit_vm_events", Type::counter, "",
      "Events that QEMU has sent since qemunitd was started, by kind."},
     add_events},
    {{"qemunit_vm_backup_end_time_seconds", Type::gauge, "seconds",
      "When qemu-backup@VM.service last ended since the host's boot, in seconds since 1970."},
     add_end_of_run<&VmFigures::backup>},
    {{"qemunit_vm_backup_success", Type::gauge, "", "Whether it ended well."},
     add_success_of_run<&VmFigures::backup>},
    {{"qemunit_vm_snapshot_end_time_seconds", Type::gauge, "seconds",
      "When qemu-snapshot@VM.service last ended since the host's boot, in seconds since 1970."},
     add_end_of_run<&VmFigures::snapshot>},
    {{"qemunit_vm_snapshot_success", Type::gauge, "", "Whether it ended well."},
     add_success_of_run<&VmFigures::snapshot>},
};

struct HostFamily {
    Family family;
    void (*add)(Exposition &to, const Figures &figures, uint64_t nanoseconds);
};

constexpr HostFamily kHostFamilies[] = {
    {{"qemunit_build", Type::info, "", "The version of qemunit-metrics."},
     [](Exposition &to, const Figures &, uint64_t) {
         to.add({{"version", kVersion}}, 1);
     }},
    {{"qemunit_vms", Type::gauge, "", "VMs in this state."},
     [](Exposition &to, const Figures &figures, uint64_t) {
         std::map<std::string_view, uint64_t> counts;
         for (const auto &[name, vm] : figures.vms)
             ++counts[known_or_other(kStates, vm.state)];
         for (const std::string_view state : kStates)
             to.add({{"state", state}}, counts[state]);
         to.add({{"state", kOther}}, counts[kOther]);
     }},
    {{"qemunit_daemon_answers", Type::gauge, "",
      "Whether qemunitd has answered; without it, only what systemd and the kernel know is here."},
     [](Exposition &to, const Figures &figures, uint64_t) {
         to.add({}, figures.daemon_answers);
     }},
    {{"qemunit_daemon_cpu_seconds", Type::counter, "seconds", "Processor time of qemunitd."},
     [](Exposition &to, const Figures &figures, uint64_t) {
         if (figures.daemon.cpu)
             to.add_seconds({}, *figures.daemon.cpu);
     }},
    {{"qemunit_daemon_resident_memory_bytes", Type::gauge, "bytes",
      "Memory of qemunitd that is in RAM."},
     [](Exposition &to, const Figures &figures, uint64_t) {
         if (figures.daemon.resident)
             to.add({}, *figures.daemon.resident);
     }},
    {{"qemunit_scrape_duration_seconds", Type::gauge, "seconds",
      "How long it took to ask for all this."},
     [](Exposition &to, const Figures &, uint64_t nanoseconds) {
         to.add_seconds({}, nanoseconds);
     }},
};

}  // namespace

std::string metrics_text(const Figures &figures, uint64_t nanoseconds, Format format) {
    Exposition text(format);
    for (const HostFamily &row : kHostFamilies) {
        text.begin(row.family);
        row.add(text, figures, nanoseconds);
    }
    for (const VmFamily &row : kVmFamilies) {
        text.begin(row.family);
        for (const auto &[name, vm] : figures.vms)
            row.add(text, vm);
    }
    return std::move(text).end();
}

std::vector<Family> families() {
    std::vector<Family> all;
    for (const HostFamily &row : kHostFamilies)
        all.push_back(row.family);
    for (const VmFamily &row : kVmFamilies)
        all.push_back(row.family);
    return all;
}

}  // namespace qemunit::metrics
