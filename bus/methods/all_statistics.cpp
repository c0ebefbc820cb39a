// SPDX-License-Identifier: MIT
#include "bus/methods/all_statistics.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bus/access/authorization.h"
#include "bus/methods/statistics_gathering.h"
#include "bus/vms/vm_registry.h"
#include "common/bus_errors.h"
#include "common/timer.h"

namespace qemunit::bus {

namespace {

constexpr uint64_t kAskingTimeMax = 20 * kSecond;
// How long a QEMU may take in all.
constexpr uint64_t kUnansweredTime = 20 * kSecond;

struct VmEntry {
    std::string state;
    uint32_t main_pid = 0;
    std::optional<bool> answers;  // of a VM that is asked
    uint64_t answered = 0;        // CLOCK_MONOTONIC, in µs
    Statistics statistics;
};

struct AllStatistics {
    MessagePtr message;
    VmRegistry *registry;
    uint64_t timeout;
    std::set<std::string> keys, allowed;
    OpenCall open;
    std::map<std::string, VmEntry> entries;
    EventSourcePtr deadline;
    std::set<std::string> waiting;  // for these VMs

    sd_event *event() const { return sd_bus_get_event(sd_bus_message_get_bus(message.get())); }
};
using AllStatisticsPtr = std::shared_ptr<AllStatistics>;

// Those that are not answered.
std::set<AllStatisticsPtr> open_rounds;

// A question that QEMU has not answered: it is not asked the same again meanwhile, since whoever
// asks every second would pile up questions. All rounds get its answer.
struct Asked {
    std::weak_ptr<Vm> vm;  // one VM as long as it is the same object
    uint64_t since;
};
std::map<std::string, std::shared_ptr<Asked>> vms_asked;

int append_vm(sd_bus_message *reply, const std::string &vm, const VmEntry &entry,
              const std::set<std::string> &keys) {
    int r = sd_bus_message_open_container(reply, 'e', "sa{sv}");
    if (r >= 0)
        r = sd_bus_message_append(reply, "s", vm.c_str());
    if (r >= 0)
        r = sd_bus_message_open_container(reply, 'a', "{sv}");
    if (r >= 0)
        r = sd_bus_message_append(reply, "{sv}{sv}", "State", "s", entry.state.c_str(), "MainPID",
                                  "u", entry.main_pid);
    if (r >= 0 && entry.answers)
        r = sd_bus_message_append(reply, "{sv}", "Answers", "b", *entry.answers);
    if (r >= 0 && entry.answers == true)
        r = sd_bus_message_append(reply, "{sv}", "AnsweredMonotonic", "t", entry.answered);
    if (r >= 0 && entry.answers == true)
        r = append_statistics(reply, entry.statistics, keys);
    for (int level = 0; level < 2 && r >= 0; ++level)
        r = sd_bus_message_close_container(reply);
    return r;
}

void answer_all(const AllStatisticsPtr &round) {
    if (open_rounds.erase(round) == 0)
        return;
    round->deadline.reset();
    sd_bus_message *raw = nullptr;
    if (sd_bus_message_new_method_return(round->message.get(), &raw) < 0)
        return;
    const MessagePtr reply = own_message(raw);
    int r = sd_bus_message_open_container(raw, 'a', "{sa{sv}}");
    for (const auto &[vm, entry] : round->entries)
        if (r >= 0)
            r = append_vm(raw, vm, entry, round->keys);
    if (r >= 0)
        r = sd_bus_message_close_container(raw);
    if (r < 0)
        sd_bus_reply_method_errorf(round->message.get(), bus_error::kMonitor,
                                   "A name of it cannot be sent over D-Bus");
    else
        sd_bus_send(nullptr, raw, nullptr);
}

void take_answer_of_vm(const std::string &name, const Gathered &gathered) {
    for (const AllStatisticsPtr &round : std::set(open_rounds)) {
        if (round->waiting.erase(name) == 0)
            continue;
        if (!gathered.trouble) {
            VmEntry &entry = round->entries[name];
            entry.answers = true;
            entry.answered = monotonic_now(round->event());
            entry.statistics = gathered.statistics;
        }
        if (round->waiting.empty())
            answer_all(round);
    }
}

// False: the VM has not answered for longer than `patience` already.
bool ask_vm(const std::shared_ptr<Vm> &vm, uint64_t now, uint64_t patience) {
    std::shared_ptr<Asked> &asked = vms_asked[vm->name()];
    if (asked && asked->vm.lock() == vm)
        return now < asked->since + patience;
    asked = std::make_shared<Asked>(Asked{vm, now});
    gather_statistics(vm, now, now + kUnansweredTime, Depth::what_changes,
                      [name = vm->name(), mine = asked](const Gathered &gathered) {
                          const auto found = vms_asked.find(name);
                          if (found == vms_asked.end() || found->second != mine)
                              return;  // of a VM that is gone
                          vms_asked.erase(found);
                          take_answer_of_vm(name, gathered);
                      });
    return true;
}

void begin_asking(const AllStatisticsPtr &round) {
    const uint64_t now = monotonic_now(round->event());
    auto timer = start_timer(round->event(), now + round->timeout, [round] { answer_all(round); });
    if (!timer) {
        sd_bus_reply_method_errno(round->message.get(), timer.error().code, nullptr);
        return;
    }
    round->deadline = std::move(*timer);
    for (const auto &[name, vm] : round->registry->vms()) {
        vm->look_at_files();
        round->entries[name] = {vm->state(), vm->main_pid(), {}, 0, {}};
        if (vm->is_running() && round->allowed.contains(name)) {
            round->entries[name].answers = false;
            round->waiting.insert(name);
        }
    }
    open_rounds.insert(round);
    for (const auto &[name, vm] : round->registry->vms())
        if (round->waiting.contains(name) &&
            (!vm->can_execute() || !ask_vm(vm, now, round->timeout)))
            round->waiting.erase(name);
    if (round->waiting.empty())
        answer_all(round);
}

// More than there are says nothing.
int read_keys(sd_bus_message *message, std::set<std::string> &keys) {
    constexpr std::size_t kKeysMax = 64;
    int r = sd_bus_message_enter_container(message, 'a', "s");
    while (r > 0) {
        const char *key = nullptr;
        r = sd_bus_message_read(message, "s", &key);
        if (r > 0 && keys.size() < kKeysMax)
            keys.insert(key);
    }
    return r < 0 ? r : sd_bus_message_exit_container(message);
}

}  // namespace

int method_get_all_statistics(sd_bus_message *message, void *userdata, sd_bus_error *error) {
    uint64_t timeout = 0;
    if (int r = sd_bus_message_read(message, "t", &timeout); r < 0)
        return r;
    if (timeout == 0 || timeout > kAskingTimeMax)
        return sd_bus_error_setf(error, bus_error::kInvalidArgument,
                                 "A time of 1 to %llu microseconds is needed",
                                 static_cast<unsigned long long>(kAskingTimeMax));
    const auto round = std::make_shared<AllStatistics>();
    if (int r = read_keys(message, round->keys); r < 0)
        return r;
    round->message = keep_message(message);
    round->registry = static_cast<VmRegistry *>(userdata);
    round->timeout = timeout;
    std::vector<std::string> running;
    for (const auto &[name, vm] : round->registry->vms())
        if (vm->is_running())
            running.push_back(name);
    authorize_inspection(message, std::move(running),
                         [round](Decision &&decision, const std::set<std::string> &allowed) {
                             if (decision.error) {
                                 sd_bus_reply_method_errorf(round->message.get(), decision.error,
                                                            "%s", decision.message.c_str());
                             } else if (!decision.open.has_left()) {
                                 round->open = std::move(decision.open);
                                 round->allowed = allowed;
                                 begin_asking(round);
                             }
                         });
    return 1;  // the reply comes later
}

}  // namespace qemunit::bus
