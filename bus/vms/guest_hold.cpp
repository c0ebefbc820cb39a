// SPDX-License-Identifier: MIT
//
// Freezing: guest-fsfreeze-freeze of QEMU's docs/interop/qemu-ga-ref.
#include "bus/vms/guest_hold.h"

#include <utility>

#include "bus/backup/backup_nodes.h"
#include "bus/monitor/agent_conversation.h"
#include "bus/vms/vm.h"
#include "common/shared_names.h"
#include "common/timer.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

// A guest writes all that is dirty before it is frozen, and writes nothing until it is thawed.
constexpr uint64_t kFreezeTime = 8 * kSecond;
constexpr uint64_t kThawTry = 5 * kSecond;
constexpr uint64_t kThawTime = 30 * kSecond;
constexpr uint64_t kHoldTimeout = 10 * kSecond;

// Until the next try to let a guest go: twice as long each time.
constexpr uint64_t kFirstPause = 5 * kSecond;
constexpr uint64_t kLongestPause = 300 * kSecond;

using Done = std::function<void(const std::string &)>;

void ask_its_agent(Vm &vm, sd_event *event, const char *command, uint64_t deadline,
                   std::function<void(const AgentEnd &)> done) {
    if (auto asked = ask_agent(event, vm.paths().socket_path(vm.name(), kGuestAgentSocket), command,
                               nullptr, deadline, done);
        !asked)
        done({AgentEnd::How::hung_up, false, std::unexpected(asked.error().message)});
}

void remove_mark(const std::shared_ptr<Vm> &vm, sd_event *event, std::string_view mark, Done done) {
    vm->execute("blockdev-del", {{"node-name", mark}}, monotonic_now(event) + kHoldTimeout,
                [done = std::move(done)](const VmMonitor::Reply &) { done(""); });
}

void thaw_until(const std::weak_ptr<Vm> &weak, sd_event *event, uint64_t deadline,
                const Done &done) {
    const auto vm = weak.lock();
    if (!vm)
        return done("the VM is gone");
    ask_its_agent(
        *vm, event, "guest-fsfreeze-thaw", std::min(deadline, monotonic_now(event) + kThawTry),
        [weak, event, deadline, done](const AgentEnd &end) {
            const auto same_vm = weak.lock();
            if (!same_vm)
                return done("the VM is gone");
            // An agent that refuses to thaw has frozen nothing.
            if (end.how == AgentEnd::How::over)
                return remove_mark(same_vm, event, kFrozenMark, done);
            if (end.how == AgentEnd::How::hung_up || monotonic_now(event) >= deadline)
                return done(
                    "the guest agent, which was told to freeze the file systems, does not "
                    "answer; if they are frozen, `fsfreeze --unfreeze` in the guest thaws "
                    "them");
            thaw_until(weak, event, deadline, done);
        });
}

void let_run(const std::shared_ptr<Vm> &vm, sd_event *event, const Done &done) {
    vm->execute("cont", nullptr, monotonic_now(event) + kHoldTimeout,
                [weak = std::weak_ptr(vm), event, done](const VmMonitor::Reply &reply) {
                    const auto same_vm = weak.lock();
                    if (!reply || !same_vm)
                        return done("the guest cannot go on: " +
                                    (reply ? "the VM is gone" : reply.error().message));
                    remove_mark(same_vm, event, kStoppedMark, done);
                });
}

void try_to_let_go(const std::shared_ptr<Vm> &vm, sd_event *event, Done done) {
    vm->execute(
        "query-named-block-nodes", {{"flat", true}}, monotonic_now(event) + kHoldTimeout,
        [weak = std::weak_ptr(vm), event, done = std::move(done)](const VmMonitor::Reply &nodes) {
            const auto same_vm = weak.lock();
            if (!same_vm || !nodes)
                return done(nodes ? "the VM is gone" : nodes.error().message);
            const Done thaw = [weak, event, done,
                               is_frozen = has_node(*nodes, kFrozenMark)](const std::string &why) {
                if (!why.empty() || !is_frozen)
                    return done(why);
                thaw_until(weak, event, monotonic_now(event) + kThawTime, done);
            };
            if (has_node(*nodes, kStoppedMark))
                let_run(same_vm, event, thaw);
            else
                thaw("");
        });
}

// An agent that takes minutes to freeze answers when it has; QEMU, when it has written what it was
// writing.
void repeat_until_it_goes(const std::weak_ptr<Vm> &weak, sd_event *event, uint64_t pause) {
    const auto vm = weak.lock();
    if (!vm)
        return;
    auto timer = start_timer(event, monotonic_now(event) + pause, [weak, event, pause] {
        const auto same_vm = weak.lock();
        // With a new connection, it is tried at once.
        if (!same_vm || !same_vm->can_execute())
            return;
        try_to_let_go(same_vm, event, [weak, event, pause](const std::string &fault) {
            const auto tried_vm = weak.lock();
            if (tried_vm && fault.empty())
                tried_vm->keep_guest_held({});
            else
                repeat_until_it_goes(weak, event, std::min(2 * pause, kLongestPause));
        });
    });
    if (timer)
        vm->keep_guest_held(std::move(*timer));
}

}  // namespace

void freeze_guest(const std::shared_ptr<Vm> &vm, sd_event *event, std::function<void(bool)> done) {
    const std::weak_ptr<Vm> weak = vm;
    const uint64_t deadline = monotonic_now(event) + kFreezeTime;
    vm->execute("query-chardev", nullptr, deadline,
                [weak, event, deadline, done](const VmMonitor::Reply &chardevs) {
                    const auto same_vm = weak.lock();
                    if (!same_vm || !chardevs || !is_agent_open(*chardevs))
                        return done(false);
                    same_vm->execute("blockdev-add", mark_arguments(kFrozenMark), deadline,
                                     [weak, event, deadline, done](const VmMonitor::Reply &marked) {
                                         const auto vm_with_mark = weak.lock();
                                         if (!marked || !vm_with_mark)
                                             return done(false);
                                         ask_its_agent(
                                             *vm_with_mark, event, "guest-fsfreeze-freeze",
                                             deadline, [weak, event, done](const AgentEnd &end) {
                                                 const auto frozen_vm = weak.lock();
                                                 if (end.is_given || !frozen_vm)
                                                     return done(end.answer && *end.answer);
                                                 remove_mark(
                                                     frozen_vm, event, kFrozenMark,
                                                     [done](const std::string &) { done(false); });
                                             });
                                     });
                });
}

void let_guest_go(const std::shared_ptr<Vm> &vm, sd_event *event, Done done) {
    try_to_let_go(
        vm, event,
        [weak = std::weak_ptr(vm), event, done = std::move(done)](const std::string &fault) {
            if (!fault.empty())
                repeat_until_it_goes(weak, event, kFirstPause);
            else if (const auto same_vm = weak.lock())
                same_vm->keep_guest_held({});
            done(fault);
        });
}

}  // namespace qemunit::bus
