// SPDX-License-Identifier: MIT
#include "bus/vms/vm_registry.h"

#include <set>
#include <utility>

#include "bus/vms/vm_state.h"
#include "common/paths.h"

namespace qemunit::bus {

namespace {

// How long a call waits for systemd, which answers nobody while it reloads.
constexpr uint64_t kPatience = 15 * kSecond;

}  // namespace

VmRegistry::VmRegistry(sd_event *event, sd_bus *bus, Paths paths, VmObserver observer,
                       std::function<void(const Result<> &)> listed)
    : event_(event),
      bus_(bus),
      paths_(std::move(paths)),
      observer_(std::move(observer)),
      listed_(std::move(listed)) {}

Result<> VmRegistry::start() {
    auto units = SystemdUnits::watch(
        bus_, {.changed = [this](const SystemdUnits::Change &change) { take_change(change); },
               .reloaded =
                   [this] {
                       list();
                   }});
    if (!units)
        return std::unexpected(units.error());
    units_ = std::move(*units);
    list();
    return {};
}

Vm *VmRegistry::find(std::string_view name) const {
    auto found = vms_.find(name);
    return found == vms_.end() ? nullptr : found->second.get();
}

bool VmRegistry::is_settled() const {
    if (!units_ || units_->is_waiting())
        return false;
    for (const auto &[name, vm] : vms_)
        if (!vm->is_settled())
            return false;
    return true;
}

void VmRegistry::list() {
    retry_.reset();
    units_->list([this](const Result<std::vector<SystemdUnits::Unit>> &units) { on_list(units); });
}

void VmRegistry::on_list(const Result<std::vector<SystemdUnits::Unit>> &units) {
    if (!units) {
        // Without an answer of systemd, the last list stays.
        if (auto timer = start_timer(event_, monotonic_now(event_) + kSecond, [this] { list(); }))
            retry_ = std::move(*timer);
        listed_(std::unexpected(units.error()));
        let_go();
        return;
    }
    take_units(*units);
    listed_({});
    if (is_current())
        let_go();
    else if (!waiting_.empty())  // the next reload has begun meanwhile
        list();
}

bool VmRegistry::is_current() const {
    return units_ && !units_->is_listing() &&
           configured_by_ == generator_run(paths_.generator_output());
}

void VmRegistry::when_current(std::function<void()> go) {
    if (is_current())
        return go();
    waiting_.push_back(std::move(go));
    if (!patience_) {
        auto timer = start_timer(event_, monotonic_now(event_) + kPatience, [this] { let_go(); });
        if (!timer)
            return let_go();
        patience_ = std::move(*timer);
    }
    if (!units_->is_listing())
        list();
}

void VmRegistry::let_go() {
    patience_.reset();
    for (const auto &go : std::exchange(waiting_, {}))
        go();
}

void VmRegistry::take_units(const std::vector<SystemdUnits::Unit> &units) {
    // The generators' output is read after systemd has answered, which it does not while they run.
    configured_by_ = generator_run(paths_.generator_output());
    configured_ = configured_vms(paths_.generator_output());
    std::map<std::string_view, std::string_view> loaded;
    for (const auto &[vm, active_state] : units)
        loaded.emplace(vm, active_state);

    std::set<std::string> existing;
    for (const auto &[name, configured] : configured_)
        existing.insert(name);
    for (const auto &[name, active_state] : loaded)
        if (is_unit_up(active_state, /*has_main_process=*/false))
            existing.emplace(name);

    for (auto next = vms_.begin(); next != vms_.end();)
        if (auto here = next++; !existing.contains(here->first))
            remove(here);

    for (const std::string &name : existing) {
        Vm &vm = obtain(name);
        const auto configured = configured_.find(name);
        vm.set_configured(configured == configured_.end() ? ConfiguredVm() : configured->second);
        auto unit = loaded.find(name);
        // A unit that is not loaded is off, and PID 1 need not load it to say so.
        vm.set_active_state(unit == loaded.end() ? "inactive" : unit->second);
        if (unit == loaded.end())
            vm.set_main_pid(0);
        else
            ask_main_pid(name);
    }
}

void VmRegistry::take_change(const SystemdUnits::Change &change) {
    Vm *vm = find(change.vm);
    if (!vm) {
        // "activating" is not enough: a unit of a VM that does not exist is that, too, until it
        // fails.
        if (change.active_state != "active")
            return;
        vm = &obtain(change.vm);
        ask_main_pid(change.vm);
    }
    if (change.main_pid)
        vm->set_main_pid(*change.main_pid);
    if (!change.active_state)
        return;
    vm->set_active_state(*change.active_state);
    if (const auto &now = *change.active_state;
        (now == "inactive" || now == "failed") && !configured_.contains(change.vm))
        remove(vms_.find(change.vm));
}

void VmRegistry::ask_main_pid(const std::string &name) {
    units_->get_main_pid(name, [this, name](uint32_t pid) {
        if (Vm *vm = find(name)) {
            vm->set_main_pid(pid);
            observer_.refreshed(*vm);
        }
    });
}

Vm &VmRegistry::obtain(const std::string &name) {
    auto [position, is_new] = vms_.try_emplace(name);
    if (is_new) {
        position->second = std::make_shared<Vm>(event_, paths_, name, observer_);
        observer_.added(*position->second);
    }
    return *position->second;
}

void VmRegistry::remove(Vms::iterator position) {
    Vm &vm = *position->second;
    vm.set_active_state("inactive");  // answers who still waits
    observer_.removed(vm);
    vms_.erase(position);
}

}  // namespace qemunit::bus
