// SPDX-License-Identifier: MIT
//
// io.systemd.MachineInstance, by which machinectl(1) of systemd 261 powers off, reboots, pauses and
// resumes a machine: answers one client, and has qemunitd do what polkit lets that client do.
// ExecStart= of qemu-instance@.service, as root: decides nothing itself, and whatever the client
// says is hostile.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

#include "common/paths.h"
#include "common/result.h"
#include "common/unique_fd.h"

namespace qemunit::helper {

// The member of org.qemunit1.VM for a method of io.systemd.MachineInstance; "" if none is like it.
std::string_view member_for(std::string_view method);

// What is answered without asking anybody: about the interface itself, and to what it has not. Null
// if the method has to be done. `request` is an object.
nlohmann::json answer_about_interface(const nlohmann::json &request);

// Until the client hangs up, or is silent for too long. The VM is the one of the socket's name.
Result<> serve_instance(UniqueFd connection, const Paths &paths);

}  // namespace qemunit::helper
