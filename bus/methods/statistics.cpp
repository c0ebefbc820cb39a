// SPDX-License-Identifier: MIT
//
// GetStatistics of org.qemunit1.VM. Asks QEMU and systemd at once, and answers when both have.
#include <functional>
#include <memory>

#include "bus/methods/methods.h"
#include "bus/methods/statistics_gathering.h"
#include "bus/methods/vm_call.h"
#include "common/bus_call.h"
#include "common/bus_errors.h"

namespace qemunit::bus {

namespace {

// systemd answers at once, or is in the middle of a reload: then without what it knows.
constexpr uint64_t kSystemdTimeout = 5 * kSecond;

// Everybody may ask for statistics, and the bus counts what systemd has not answered yet: see
// OpenQuestions in polkit.cpp. Beyond these it is done without as well.
constexpr int kOpenToSystemdMax = 24;
int open_to_systemd = 0;

// Each that is asked holds one; the last that has answered lets it go.
struct Answers {
    CallPtr call;
    Gathered gathered;
    int open = 0;
};
using AnswersPtr = std::shared_ptr<Answers>;

void answer_statistics(const Answers &answers) {
    const CallPtr &call = answers.call;
    if (answers.gathered.trouble)
        return reply_error(*call, *answers.gathered.trouble);
    sd_bus_message *raw = nullptr;
    if (sd_bus_message_new_method_return(call->message.get(), &raw) < 0)
        return;
    const MessagePtr reply = own_message(raw);
    int r = sd_bus_message_open_container(raw, 'a', "{sv}");
    if (r >= 0)
        r = append_statistics(raw, answers.gathered.statistics);
    if (r >= 0)
        r = sd_bus_message_close_container(raw);
    if (r < 0)
        return reply_error(*call, bus_error::kMonitor, "A name of it cannot be sent over D-Bus");
    sd_bus_send(nullptr, raw, nullptr);
}

void take_half(const AnswersPtr &answers) {
    if (--answers->open == 0)
        answer_statistics(*answers);
}

// A property of the unit; UINT64_MAX is systemd's "not known".
void ask_systemd(const AnswersPtr &answers, const std::string &unit, const char *property) {
    if (open_to_systemd >= kOpenToSystemdMax)
        return;
    sd_bus *bus = sd_bus_message_get_bus(answers->call->message.get());
    char *raw = nullptr;
    if (sd_bus_path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &raw) < 0)
        return;
    const CStringPtr path(raw);
    auto get = new_method_call(bus, "org.freedesktop.systemd1", path.get(),
                               "org.freedesktop.DBus.Properties", "Get");
    if (get)
        sd_bus_message_append(get->get(), "ss", "org.freedesktop.systemd1.Service", property);
    ++answers->open;
    ++open_to_systemd;
    call_and_forget(
        bus, get,
        [answers, property](sd_bus_message *reply) {
            --open_to_systemd;
            uint64_t number = UINT64_MAX;
            if (reply && !sd_bus_message_is_method_error(reply, nullptr) &&
                sd_bus_message_read(reply, "v", "t", &number) > 0 && number != UINT64_MAX)
                answers->gathered.statistics.numbers[property] = number;
            take_half(answers);
        },
        kSystemdTimeout);
}

void gather(const CallPtr &call) {
    const auto answers = std::make_shared<Answers>(Answers{call, {}, 2});
    const auto vm = call->vm.lock();  // take_decision() has just seen it
    for (const char *property : {"CPUUsageNSec", "MemoryCurrent"})
        ask_systemd(answers, vm->unit(), property);
    gather_statistics(vm, now_of(*call), call->deadline, Depth::everything,
                      [answers](const Gathered &of_qemu) {
                          answers->gathered.trouble = of_qemu.trouble;
                          Statistics &all = answers->gathered.statistics;
                          const auto of_systemd = std::move(all.numbers);
                          all = of_qemu.statistics;
                          all.numbers.insert(of_systemd.begin(), of_systemd.end());
                          take_half(answers);
                      });
    take_half(answers);
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
