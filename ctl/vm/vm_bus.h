// SPDX-License-Identifier: MIT
//
// The connection to D-Bus, and calls over it: to qemunitd about a VM, to systemd about its
// unit. Each waits for its answer, with a deadline; an Error's text is for the user as it is.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/bus_ptr.h"
#include "common/result.h"
#include "common/timer.h"
#include "ctl/vm/invocation.h"

namespace qemunit::ctl {

// qemunitd answers within 20 s, after somebody has typed a password if one is needed.
inline constexpr uint64_t kCallTimeout = 90 * kSecond;

Result<BusPtr> open_bus(const Invocation &invocation);

// An empty call to the object of a VM, interface org.qemunit1.VM.
Result<MessagePtr> new_vm_call(sd_bus *bus, const std::string &vm, const char *member);

// For a name of no VM, the error says which VM may be meant.
Result<MessagePtr> call(sd_bus *bus, sd_bus_message *message, const std::string &vm,
                        uint64_t timeout = kCallTimeout);

// Makes a call and sends it, for members that take nothing but strings.
Result<MessagePtr> call_vm(sd_bus *bus, const std::string &vm, const char *member,
                           const std::vector<std::string> &texts = {},
                           uint64_t timeout = kCallTimeout);

// The same for members whose answer is one string.
Result<std::string> ask_vm(sd_bus *bus, const std::string &vm, const char *member,
                           const std::vector<std::string> &texts);

// A property of org.qemunit1.VM, to be read from the message.
Result<MessagePtr> vm_property(sd_bus *bus, const std::string &vm, const char *property,
                               const char *type);
Result<std::string> vm_text(sd_bus *bus, const std::string &vm, const char *property);

// A property of qemu@VM.service, by systemd. `interface`: "Unit" or "Service".
Result<MessagePtr> unit_property(sd_bus *bus, const std::string &vm, const std::string &interface,
                                 const char *property, const char *type);
// When the unit was started last, in µs of CLOCK_MONOTONIC: another number after each start.
Result<uint64_t> last_start(sd_bus *bus, const std::string &vm);
// Of a service by its name, "qemu-usernet@vm1:lan.service".
Result<MessagePtr> service_property(sd_bus *bus, const std::string &unit, const char *property,
                                    const char *type);
// systemd forgets no properties of the VM's unit for as long as the connection lasts.
Result<> hold_unit(sd_bus *bus, const std::string &vm);

struct ListedVm {
    std::string name, state, unit;
};
Result<std::vector<ListedVm>> list_vms(sd_bus *bus);

inline constexpr char kSystemdName[] = "org.freedesktop.systemd1";
std::string unit_object_path(const std::string &vm);

}  // namespace qemunit::ctl
