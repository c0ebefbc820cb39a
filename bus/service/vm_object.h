// SPDX-License-Identifier: MIT
//
// The objects /org/qemunit1/vm/NAME: org.qemunit1.VM, one for each VM of the registry. The VM is
// looked up anew for every call. Methods answer when QEMU has answered.
#pragma once

#include <systemd/sd-bus.h>

#include <string>
#include <string_view>

#include "bus/vms/vm_registry.h"
#include "common/result.h"

namespace qemunit::bus {

// "/org/qemunit1/vm/vm1"; sd_bus_path_encode(3) for what a path cannot hold.
std::string vm_object_path(std::string_view vm);

// The VM whose object this is; nullptr if there is none.
Vm *vm_at(const VmRegistry &registry, const char *object_path);

class VmObjects {
  public:
    // `registry` and this object outlive the use of the bus.
    explicit VmObjects(const VmRegistry &registry) : registry_(registry) {}
    VmObjects(const VmObjects &) = delete;
    VmObjects &operator=(const VmObjects &) = delete;
    Result<> add_to(sd_bus *bus);

    // As vm_at(). sd-bus asks once for each table of the interface, so the name that the last path
    // stands for is remembered, which saves a fifth of the time of GetManagedObjects.
    Vm *at(const char *object_path);
    const VmRegistry &registry() const { return registry_; }

  private:
    const VmRegistry &registry_;
    std::string last_path_, last_name_;
};

// Signals. A signal that cannot be sent is lost: there is nobody to tell.
void emit_vm_added(sd_bus *bus, const Vm &vm);
void emit_vm_removed(sd_bus *bus, const Vm &vm);
void emit_vm_changed(sd_bus *bus, const Vm &vm, const char *property);
void emit_vm_event(sd_bus *bus, const Vm &vm, const QmpEvent &event, const std::string &data);

}  // namespace qemunit::bus
