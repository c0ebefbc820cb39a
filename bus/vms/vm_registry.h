// SPDX-License-Identifier: MIT
//
// Which VMs exist: those that are configured, and those that run although their
// configuration is gone. Kept up to date from systemd; the D-Bus objects look here.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/vms/configured_vms.h"
#include "bus/vms/systemd_units.h"
#include "bus/vms/vm.h"
#include "common/paths.h"

namespace qemunit::bus {

class VmRegistry {
  public:
    using Vms = std::map<std::string, std::shared_ptr<Vm>, std::less<>>;

    // `listed`: after each time systemd was asked, with how that went.
    VmRegistry(sd_event *event, sd_bus *bus, Paths paths, VmObserver observer,
               std::function<void(const Result<> &)> listed);
    VmRegistry(const VmRegistry &) = delete;
    VmRegistry &operator=(const VmRegistry &) = delete;

    Result<> start();

    const Vms &vms() const { return vms_; }
    Vm *find(std::string_view name) const;

    // Whether it is known what systemd read at its last reload. systemd's signal of a reload may
    // come later than the call of somebody who has waited for that reload.
    bool is_current() const;
    // Calls `go` when is_current(), at once or after systemd was asked; in any case within some
    // seconds.
    void when_current(std::function<void()> go);

    // Everything that was asked of systemd and of the QEMUs has been answered.
    bool is_settled() const;

  private:
    void list();
    void on_list(const Result<std::vector<SystemdUnits::Unit>> &units);
    void let_go();
    void take_units(const std::vector<SystemdUnits::Unit> &units);
    void take_change(const SystemdUnits::Change &change);
    void ask_main_pid(const std::string &name);
    Vm &obtain(const std::string &name);
    void remove(Vms::iterator position);

    sd_event *event_;
    sd_bus *bus_;
    Paths paths_;
    VmObserver observer_;
    std::function<void(const Result<> &)> listed_;
    ConfiguredVms configured_;
    std::optional<GeneratorRun> configured_by_;
    std::vector<std::function<void()>> waiting_;  // for is_current()
    EventSourcePtr patience_;                     // theirs
    Vms vms_;
    EventSourcePtr retry_;
    std::unique_ptr<SystemdUnits> units_;
};

}  // namespace qemunit::bus
