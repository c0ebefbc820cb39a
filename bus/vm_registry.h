// SPDX-License-Identifier: MIT
//
// Which VMs exist: those that are configured, and those that run although their
// configuration is gone. Kept up to date from systemd; the D-Bus objects look here.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "bus/configured_vms.h"
#include "bus/systemd_units.h"
#include "bus/vm.h"
#include "common/paths.h"

namespace qemunit {

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

    // Everything that was asked of systemd and of the QEMUs has been answered.
    bool is_settled() const;

  private:
    void list();
    void take_units(const std::vector<SystemdUnits::Unit> &units);
    void take_change(const SystemdUnits::Change &change);
    void ask_main_pid(const std::string &name);
    Vm &obtain(const std::string &name, const std::string &source_path);
    void remove(Vms::iterator position);

    sd_event *event_;
    sd_bus *bus_;
    Paths paths_;
    VmObserver observer_;
    std::function<void(const Result<> &)> listed_;
    ConfiguredVms configured_;
    Vms vms_;
    EventSourcePtr retry_;
    std::unique_ptr<SystemdUnits> units_;
};

}  // namespace qemunit
