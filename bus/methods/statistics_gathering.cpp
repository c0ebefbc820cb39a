// SPDX-License-Identifier: MIT
#include "bus/methods/statistics_gathering.h"

#include <memory>

#include "common/bus_call.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// What changes only when something is plugged in, of each VM that was asked lately.
struct Known {
    std::weak_ptr<Vm> vm;  // as long as it is the same object, with the same process
    uint32_t main_pid = 0;
    uint64_t until = 0;  // CLOCK_MONOTONIC, in µs
    std::map<std::string, uint64_t> numbers;
    std::vector<uint32_t> cpu_threads;
    std::map<std::string, std::string> interfaces;
    bool has_balloon = false, has_jobs = false;
    uint64_t job_events = 0;
};
std::map<std::string, Known> known_vms;
constexpr uint64_t kKnownTime = 20 * kSecond;
constexpr char kJobEvent[] = "JOB_STATUS_CHANGE";

// Each question that is asked holds one; the last that is answered lets it go.
struct Gathering {
    uint64_t deadline;
    std::function<void(const Gathered &)> done;
    Gathered gathered;
    Known known;
    int open = 0;  // questions
    std::function<void(Gathering &)> complete = {};
};
using GatheringPtr = std::shared_ptr<Gathering>;

// Where the host's interfaces of no device are, as taps are; see qemunitd.service.
constexpr char kInterfaces[] = "/sys/devices/virtual/net";

// A D-Bus array of anything: opens the container, has each element appended, closes the container.
template <typename Things, typename Append>
int append_array(sd_bus_message *reply, const char *contents, const Things &things,
                 Append append_one) {
    int r = sd_bus_message_open_container(reply, 'a', contents);
    for (const auto &thing : things)
        if (r >= 0)
            r = append_one(thing);
    return r < 0 ? r : sd_bus_message_close_container(reply);
}

// A dictionary's entry, of which `append_value` appends the second half.
template <typename Append>
int append_pair(sd_bus_message *reply, const char *contents, const std::string &key,
                Append append_value) {
    int r = sd_bus_message_open_container(reply, 'e', contents);
    if (r >= 0)
        r = sd_bus_message_append(reply, "s", key.c_str());
    if (r >= 0)
        r = append_value();
    return r < 0 ? r : sd_bus_message_close_container(reply);
}

template <typename Append>
int append_key(sd_bus_message *reply, const char *key, const char *type, Append append_value) {
    return append_pair(reply, "sv", key, [&] {
        int r = sd_bus_message_open_container(reply, 'v', type);
        if (r >= 0)
            r = append_value();
        return r < 0 ? r : sd_bus_message_close_container(reply);
    });
}

int append_counters(sd_bus_message *reply, const Counters &counters) {
    return append_array(reply, "{st}", counters, [&](const auto &counter) {
        return sd_bus_message_append(reply, "{st}", counter.first.c_str(), counter.second);
    });
}

// A key with the counters of several things by their names.
int append_counters_of(sd_bus_message *reply, const char *key,
                       const std::map<std::string, Counters> &things) {
    return append_key(reply, key, "a{sa{st}}", [&] {
        return append_array(reply, "{sa{st}}", things, [&](const auto &thing) {
            return append_pair(reply, "sa{st}", thing.first,
                               [&] { return append_counters(reply, thing.second); });
        });
    });
}

int append_latencies(sd_bus_message *reply,
                     const std::map<std::string, std::map<std::string, Latencies>> &drives) {
    return append_key(reply, "DriveLatencies", "a{sa{sa(tt)}}", [&] {
        return append_array(reply, "{sa{sa(tt)}}", drives, [&](const auto &drive) {
            return append_pair(reply, "sa{sa(tt)}", drive.first, [&] {
                return append_array(reply, "{sa(tt)}", drive.second, [&](const auto &kind) {
                    return append_pair(reply, "sa(tt)", kind.first, [&] {
                        return append_array(reply, "(tt)", kind.second, [&](const auto &bin) {
                            return sd_bus_message_append(reply, "(tt)", bin.first, bin.second);
                        });
                    });
                });
            });
        });
    });
}

int append_jobs(sd_bus_message *reply, const std::vector<QemuJob> &jobs) {
    return append_key(reply, "Jobs", "a(ssstt)", [&] {
        return append_array(reply, "(ssstt)", jobs, [&](const QemuJob &job) {
            return sd_bus_message_append(reply, "(ssstt)", job.id.c_str(), job.type.c_str(),
                                         job.status.c_str(), job.current, job.total);
        });
    });
}

void finish_question(const GatheringPtr &gathering) {
    if (--gathering->open > 0)
        return;
    gathering->complete(*gathering);
    gathering->done(gathering->gathered);
}

// What QEMU refuses to tell, it does not have.
void ask_qemu(const GatheringPtr &gathering, Vm &vm, const char *command,
              std::function<void(Gathering &, const json &)> take, json arguments = nullptr) {
    ++gathering->open;
    vm.execute(command, std::move(arguments), gathering->deadline,
               [gathering, take = std::move(take)](const VmMonitor::Reply &reply) {
                   if (reply)
                       take(*gathering, *reply);
                   else if (reply.error().kind != QmpError::Kind::monitor)
                       gathering->gathered.trouble = reply.error();
                   finish_question(gathering);
               });
}

// QEMU does not count there; of a tap, the host does.
void take_interfaces(Statistics &statistics, const std::map<std::string, std::string> &interfaces) {
    for (const auto &[network, interface] : interfaces)
        if (Counters counters =
                network_counters(std::string(kInterfaces) + "/" + interface + "/statistics");
            !counters.empty())
            statistics.networks.emplace(network, std::move(counters));
}

// Who is not told to count, as a drive that was attached, is told now; the next answer has it.
void take_block_statistics(const std::weak_ptr<Vm> &vm, uint64_t deadline, Statistics &statistics,
                           const json &reply) {
    statistics.drives = drive_counters(reply);
    statistics.latencies = drive_latencies(reply);
    if (const auto there = vm.lock())
        for (const std::string &device : devices_without_latencies(reply))
            there->execute("block-latency-histogram-set", count_latencies_of(device), deadline,
                           [](const VmMonitor::Reply &) {});
}

uint64_t job_events_of(const Vm &vm) {
    const auto found = vm.events().find(kJobEvent);
    return found == vm.events().end() ? 0 : found->second;
}

void ask_balloon(const GatheringPtr &gathering, Vm &vm) {
    ask_qemu(gathering, vm, "query-balloon", [](Gathering &of, const json &reply) {
        if (const auto bytes = balloon_bytes(reply))
            of.gathered.statistics.numbers["BalloonActual"] = *bytes;
        of.known.has_balloon = true;
    });
}

void ask_jobs(const GatheringPtr &gathering, Vm &vm) {
    gathering->known.job_events = job_events_of(vm);
    ask_qemu(gathering, vm, "query-jobs", [](Gathering &of, const json &reply) {
        of.gathered.statistics.jobs = jobs_under_way(reply);
        of.known.has_jobs = !of.gathered.statistics.jobs.empty();
    });
}

void ask_what_stays(const GatheringPtr &gathering, Vm &vm) {
    ask_qemu(gathering, vm, "query-memory-size-summary", [](Gathering &of, const json &reply) {
        of.known.numbers["Memory"] = memory_bytes(reply);
    });
    ask_qemu(gathering, vm, "query-cpus-fast", [](Gathering &of, const json &reply) {
        of.known.numbers["CPUs"] = reply.is_array() ? reply.size() : 0;
        of.known.cpu_threads = cpu_threads(reply);
    });
    ask_qemu(gathering, vm, "query-fdsets", [](Gathering &of, const json &reply) {
        of.known.interfaces = open_tap_interfaces(reply);
    });
}

// The VMs of a host are not all asked at the same time.
uint64_t time_of_being_known(const std::string &vm) {
    return kKnownTime + std::hash<std::string>()(vm) % kKnownTime;
}

// What was learned lately, if that was of the same QEMU.
bool recall(const GatheringPtr &gathering, const std::shared_ptr<Vm> &vm, uint64_t now) {
    const auto found = known_vms.find(vm->name());
    if (found == known_vms.end() || found->second.vm.lock() != vm ||
        found->second.main_pid != vm->main_pid() || now >= found->second.until)
        return false;
    gathering->known = found->second;
    return true;
}

// The last question has been answered.
void complete(Gathering &gathering, const std::string &vm) {
    Statistics &statistics = gathering.gathered.statistics;
    const Known &known = gathering.known;
    statistics.numbers.insert(known.numbers.begin(), known.numbers.end());
    statistics.cpu_threads = known.cpu_threads;
    take_interfaces(statistics, known.interfaces);
    if (gathering.gathered.trouble)
        return;
    if (!known_vms.contains(vm))
        std::erase_if(known_vms, [](const auto &one) { return one.second.vm.expired(); });
    known_vms[vm] = known;
}

}  // namespace

void gather_statistics(const std::shared_ptr<Vm> &vm, uint64_t now, uint64_t deadline, Depth depth,
                       std::function<void(const Gathered &)> done) {
    const auto gathering =
        std::make_shared<Gathering>(Gathering{deadline, std::move(done), {}, {}, 1});
    gathering->complete = [name = vm->name()](Gathering &of) {
        complete(of, name);
    };
    gathering->gathered.statistics.events = vm->events();
    ask_qemu(gathering, *vm, "query-blockstats",
             [weak = std::weak_ptr(vm), deadline](Gathering &of, const json &reply) {
                 take_block_statistics(weak, deadline, of.gathered.statistics, reply);
             });
    const bool is_known = depth == Depth::what_changes && recall(gathering, vm, now);
    Known &known = gathering->known;
    if (!is_known) {
        known = {vm, vm->main_pid(), now + time_of_being_known(vm->name()), {}, {}, {}, {}, {}, {}};
        ask_what_stays(gathering, *vm);
    }
    if (!is_known || known.has_balloon)
        ask_balloon(gathering, *vm);
    if (!is_known || known.has_jobs || known.job_events != job_events_of(*vm))
        ask_jobs(gathering, *vm);
    // Of a QEMU that opened its taps itself, QMP does not tell which they are.
    if (depth == Depth::everything)
        ask_qemu(gathering, *vm, "human-monitor-command",
                 [](Gathering &of, const json &reply) {
                     const auto *text = reply.get_ptr<const std::string *>();
                     take_interfaces(of.gathered.statistics, tap_interfaces(text ? *text : ""));
                 },
                 {{"command-line", "info network"}});
    finish_question(gathering);
}

int append_statistics(sd_bus_message *reply, const Statistics &statistics,
                      const std::set<std::string> &keys) {
    const auto wanted = [&keys](const std::string &key) {
        return keys.empty() || keys.contains(key);
    };
    int r = 0;
    for (const auto &[key, number] : statistics.numbers)
        if (r >= 0 && wanted(key))
            r = sd_bus_message_append(reply, "{sv}", key.c_str(), "t", number);
    if (r >= 0 && wanted("Drives"))
        r = append_counters_of(reply, "Drives", statistics.drives);
    if (r >= 0 && !statistics.networks.empty() && wanted("Networks"))
        r = append_counters_of(reply, "Networks", statistics.networks);
    if (r >= 0 && !statistics.latencies.empty() && wanted("DriveLatencies"))
        r = append_latencies(reply, statistics.latencies);
    if (r >= 0 && !statistics.cpu_threads.empty() && wanted("CPUThreads"))
        r = append_key(reply, "CPUThreads", "au", [&] {
            return sd_bus_message_append_array(reply, 'u', statistics.cpu_threads.data(),
                                               statistics.cpu_threads.size() * sizeof(uint32_t));
        });
    if (r >= 0 && !statistics.jobs.empty() && wanted("Jobs"))
        r = append_jobs(reply, statistics.jobs);
    if (r >= 0 && !statistics.events.empty() && wanted("Events"))
        r = append_key(reply, "Events", "a{st}",
                       [&] { return append_counters(reply, statistics.events); });
    return r;
}

}  // namespace qemunit::bus
