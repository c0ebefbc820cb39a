// SPDX-License-Identifier: MIT
//
// GetStatistics of org.qemunit1.VM. Asks QEMU and systemd at once, and answers when both have.
#include "bus/monitor/statistics.h"

#include <functional>
#include <memory>
#include <optional>

#include "bus/methods/methods.h"
#include "bus/methods/vm_call.h"
#include "common/bus_call.h"
#include "common/bus_errors.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// systemd answers at once, or is in the middle of a reload: then without what it knows.
constexpr uint64_t kSystemdTimeout = 5 * kSecond;

// Everybody may ask for statistics, and the bus counts what systemd has not answered yet: see
// OpenQuestions in polkit.cpp. Beyond these it is done without as well.
constexpr int kOpenToSystemdMax = 24;
int open_to_systemd = 0;

// Each question that is asked holds one; the last that is answered lets it go.
struct Gathering {
    CallPtr call;
    Statistics statistics;
    std::optional<QmpError> trouble;
    int open = 0;  // questions
};
using GatheringPtr = std::shared_ptr<Gathering>;

// Where the host's interfaces of no device are, as taps are; see qemunitd.service.
constexpr char kInterfaces[] = "/sys/devices/virtual/net";

// A key with the counters of several things by their names.
int append_counters(sd_bus_message *reply, const char *key,
                    const std::map<std::string, Counters> &things) {
    int r = sd_bus_message_open_container(reply, 'e', "sv");
    if (r >= 0)
        r = sd_bus_message_append(reply, "s", key);
    if (r >= 0)
        r = sd_bus_message_open_container(reply, 'v', "a{sa{st}}");
    if (r >= 0)
        r = sd_bus_message_open_container(reply, 'a', "{sa{st}}");
    for (const auto &[thing, counters] : things) {
        if (r < 0 || (r = sd_bus_message_open_container(reply, 'e', "sa{st}")) < 0 ||
            (r = sd_bus_message_append(reply, "s", thing.c_str())) < 0 ||
            (r = sd_bus_message_open_container(reply, 'a', "{st}")) < 0)
            break;
        for (const auto &[counter, number] : counters)
            if (r >= 0)
                r = sd_bus_message_append(reply, "{st}", counter.c_str(), number);
        for (int level = 0; level < 2 && r >= 0; ++level)
            r = sd_bus_message_close_container(reply);
    }
    for (int level = 0; level < 3 && r >= 0; ++level)
        r = sd_bus_message_close_container(reply);
    return r;
}

int append(sd_bus_message *reply, const Statistics &statistics) {
    int r = sd_bus_message_open_container(reply, 'a', "{sv}");
    for (const auto &[key, number] : statistics.numbers)
        if (r >= 0)
            r = sd_bus_message_append(reply, "{sv}", key.c_str(), "t", number);
    if (r >= 0)
        r = append_counters(reply, "Drives", statistics.drives);
    if (r >= 0 && !statistics.networks.empty())
        r = append_counters(reply, "Networks", statistics.networks);
    return r < 0 ? r : sd_bus_message_close_container(reply);
}

void answer_statistics(const Gathering &gathering) {
    const CallPtr &call = gathering.call;
    if (gathering.trouble)
        return reply_error(*call, *gathering.trouble);
    sd_bus_message *raw = nullptr;
    if (sd_bus_message_new_method_return(call->message.get(), &raw) < 0)
        return;
    const MessagePtr reply = own_message(raw);
    if (append(raw, gathering.statistics) < 0)
        return reply_error(*call, bus_error::kMonitor, "A name of it cannot be sent over D-Bus");
    sd_bus_send(nullptr, raw, nullptr);
}

void take_answer_of_part(const GatheringPtr &gathering) {
    if (--gathering->open == 0)
        answer_statistics(*gathering);
}

// What QEMU refuses to tell, it does not have.
void ask_qemu(const GatheringPtr &gathering, const char *command,
              std::function<void(Statistics &, const json &)> take, json arguments = nullptr) {
    ++gathering->open;
    execute(gathering->call, command, std::move(arguments),
            [gathering, take = std::move(take)](const VmMonitor::Reply &reply) {
                if (reply)
                    take(gathering->statistics, *reply);
                else if (reply.error().kind != QmpError::Kind::monitor)
                    gathering->trouble = reply.error();
                take_answer_of_part(gathering);
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

// Of a QEMU that opened its taps itself, QMP does not tell which they are.
void take_networks(Statistics &statistics, const json &info_network) {
    const auto *text = info_network.get_ptr<const std::string *>();
    take_interfaces(statistics, tap_interfaces(text ? *text : ""));
}

// A property of the unit; UINT64_MAX is systemd's "not known".
void ask_systemd(const GatheringPtr &gathering, const std::string &unit, const char *property) {
    if (open_to_systemd >= kOpenToSystemdMax)
        return;
    sd_bus *bus = sd_bus_message_get_bus(gathering->call->message.get());
    char *raw = nullptr;
    if (sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &raw) < 0)
        return;
    const CStringPtr path(raw);
    auto get = new_method_call(bus, "org.freedesktop.systemd1", path.get(),
                               "org.freedesktop.DBus.Properties", "Get");
    if (get)
        sd_bus_message_append(get->get(), "ss", "org.freedesktop.systemd1.Service", property);
    ++gathering->open;
    ++open_to_systemd;
    call_and_forget(
        bus, get,
        [gathering, property](sd_bus_message *reply) {
            --open_to_systemd;
            uint64_t number = UINT64_MAX;
            if (reply && !sd_bus_message_is_method_error(reply, nullptr) &&
                sd_bus_message_read(reply, "v", "t", &number) > 0 && number != UINT64_MAX)
                gathering->statistics.numbers[property] = number;
            take_answer_of_part(gathering);
        },
        kSystemdTimeout);
}

void gather(const CallPtr &call) {
    const auto gathering = std::make_shared<Gathering>(Gathering{call, {}, {}, 1});
    ask_qemu(gathering, "query-blockstats", [](Statistics &statistics, const json &reply) {
        statistics.drives = drive_counters(reply);
    });
    ask_qemu(gathering, "query-memory-size-summary", [](Statistics &statistics, const json &reply) {
        statistics.numbers["Memory"] = memory_bytes(reply);
    });
    ask_qemu(gathering, "query-balloon", [](Statistics &statistics, const json &reply) {
        if (const auto bytes = balloon_bytes(reply))
            statistics.numbers["BalloonActual"] = *bytes;
    });
    ask_qemu(gathering, "query-cpus-fast", [](Statistics &statistics, const json &reply) {
        statistics.numbers["CPUs"] = reply.is_array() ? reply.size() : 0;
    });
    ask_qemu(gathering, "query-fdsets", [](Statistics &statistics, const json &reply) {
        take_interfaces(statistics, open_tap_interfaces(reply));
    });
    ask_qemu(gathering, "human-monitor-command", take_networks, {{"command-line", "info network"}});
    if (const auto vm = call->vm.lock())
        for (const char *property : {"CPUUsageNSec", "MemoryCurrent"})
            ask_systemd(gathering, vm->unit(), property);
    take_answer_of_part(gathering);
}

int method_get_statistics(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::inspect, "query-blockstats"}, error, gather);
}

}  // namespace

const sd_bus_vtable kStatisticsMethods[] = {
    SD_BUS_VTABLE_START(0),
    SD_BUS_METHOD_WITH_ARGS("GetStatistics", SD_BUS_NO_ARGS, SD_BUS_RESULT("a{sv}", statistics),
                            method_get_statistics, kAnybody),
    SD_BUS_VTABLE_END,
};

}  // namespace qemunit::bus
