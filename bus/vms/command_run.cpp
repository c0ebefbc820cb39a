// SPDX-License-Identifier: MIT
#include "bus/vms/command_run.h"

#include <utility>

#include "bus/vms/vm.h"

namespace qemunit::bus {

using nlohmann::json;

namespace {

VmMonitor::Reply vm_is_gone() {
    return std::unexpected(QmpError{QmpError::Kind::disconnected, "it is gone"});
}

}  // namespace

void run_commands(const std::weak_ptr<Vm> &weak, QmpCommands commands, OnRefusal on_refusal,
                  uint64_t deadline, const Report &done) {
    const auto vm = weak.lock();
    if (!vm)
        return done(vm_is_gone());
    if (commands.empty())
        return done(json::object());
    QmpCommand next = std::move(commands.front());
    commands.erase(commands.begin());
    vm->execute(next.name, std::move(next.arguments), deadline,
                [weak, commands = std::move(commands), on_refusal, deadline,
                 done](const VmMonitor::Reply &reply) {
                    if (!reply && (on_refusal == OnRefusal::stop ||
                                   reply.error().kind != QmpError::Kind::monitor))
                        return done(reply);
                    run_commands(weak, commands, on_refusal, deadline, done);
                });
}

void forget_checkpoints(const std::weak_ptr<Vm> &weak, uint64_t deadline, const Report &done) {
    const auto vm = weak.lock();
    if (!vm)
        return done(vm_is_gone());
    vm->execute("query-block", nullptr, deadline,
                [weak, deadline, done](const VmMonitor::Reply &devices) {
                    if (!devices)
                        return done(devices);
                    const auto disks = backup_disks(*devices);
                    run_commands(weak, disks ? forget_commands(*disks) : QmpCommands{},
                                 OnRefusal::stop, deadline, done);
                });
}

}  // namespace qemunit::bus
