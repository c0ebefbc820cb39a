// SPDX-License-Identifier: MIT
#include "bus/statistics_methods.h"

#include <functional>
#include <memory>
#include <optional>

#include "bus/statistics.h"
#include "bus/vm_call.h"
#include "common/bus_call.h"
#include "common/bus_errors.h"

namespace qemunit {

using nlohmann::json;

namespace {

// systemd answers at once, or is in the middle of a reload: then without what it knows.
constexpr uint64_t kSystemdTimeout = 5 * kSecond;

// Each question that is asked holds one; the last that is answered lets it go.
struct Gathering {
    CallPtr call;
    Statistics statistics;
    std::optional<QmpError> trouble;
    int open = 0;  // questions
};
using GatheringPtr = std::shared_ptr<Gathering>;

int append(sd_bus_message *reply, const Statistics &statistics) {
    int r = sd_bus_message_open_container(reply, 'a', "{sv}");
    for (const auto &[key, number] : statistics.numbers)
        if (r >= 0)
            r = sd_bus_message_append(reply, "{sv}", key.c_str(), "t", number);
    if (r >= 0)
        r = sd_bus_message_open_container(reply, 'e', "sv");
    if (r >= 0)
        r = sd_bus_message_append(reply, "s", "Drives");
    if (r >= 0)
        r = sd_bus_message_open_container(reply, 'v', "a{sa{st}}");
    if (r >= 0)
        r = sd_bus_message_open_container(reply, 'a', "{sa{st}}");
    for (const auto &[drive, counters] : statistics.drives) {
        if (r < 0 || (r = sd_bus_message_open_container(reply, 'e', "sa{st}")) < 0 ||
            (r = sd_bus_message_append(reply, "s", drive.c_str())) < 0 ||
            (r = sd_bus_message_open_container(reply, 'a', "{st}")) < 0)
            break;
        for (const auto &[counter, number] : counters)
            if (r >= 0)
                r = sd_bus_message_append(reply, "{st}", counter.c_str(), number);
        for (int level = 0; level < 2 && r >= 0; ++level)
            r = sd_bus_message_close_container(reply);
    }
    for (int level = 0; level < 4 && r >= 0; ++level)
        r = sd_bus_message_close_container(reply);
    return r;
}

void answer(const Gathering &gathering) {
    const CallPtr &call = gathering.call;
    if (gathering.trouble)
        return reply_error(*call, *gathering.trouble);
    sd_bus_message *raw = nullptr;
    if (sd_bus_message_new_method_return(call->message.get(), &raw) < 0)
        return;
    const MessagePtr reply = own_message(raw);
    if (append(raw, gathering.statistics) < 0)
        return reply_error(*call, bus_error::kMonitor,
                           "The name of a drive cannot be sent over D-Bus");
    sd_bus_send(nullptr, raw, nullptr);
}

void take_answer(const GatheringPtr &gathering) {
    if (--gathering->open == 0)
        answer(*gathering);
}

// What QEMU refuses to tell, it does not have.
void ask_qemu(const GatheringPtr &gathering, const char *command,
              std::function<void(Statistics &, const json &)> take) {
    ++gathering->open;
    execute(gathering->call, command, nullptr,
            [gathering, take = std::move(take)](const VmMonitor::Reply &reply) {
                if (reply)
                    take(gathering->statistics, *reply);
                else if (reply.error().kind != QmpError::Kind::monitor)
                    gathering->trouble = reply.error();
                take_answer(gathering);
            });
}

// A property of the unit; UINT64_MAX is systemd's "not known".
void ask_systemd(const GatheringPtr &gathering, const std::string &unit, const char *property) {
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
    call_and_forget(
        bus, get,
        [gathering, property](sd_bus_message *reply) {
            uint64_t number = UINT64_MAX;
            if (reply && !sd_bus_message_is_method_error(reply, nullptr) &&
                sd_bus_message_read(reply, "v", "t", &number) > 0 && number != UINT64_MAX)
                gathering->statistics.numbers[property] = number;
            take_answer(gathering);
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
    if (const auto vm = call->vm.lock())
        for (const char *property : {"CPUUsageNSec", "MemoryCurrent"})
            ask_systemd(gathering, vm->unit(), property);
    take_answer(gathering);
}

}  // namespace

int method_get_statistics(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    return begin_call(message, userdata, {Action::inspect, "query-blockstats"}, error, gather);
}

}  // namespace qemunit
