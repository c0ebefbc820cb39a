// SPDX-License-Identifier: MIT
//
// The method AgentExecute of org.qemunit1.VM, as sd-bus handler; see vm_methods.h. It is one of the
// clients of agent.sock, which the companion serves, for as long as one call takes: the companion's
// own use of the agent, and other clients, go on beside it.
#pragma once

#include <systemd/sd-bus.h>

namespace qemunit::bus {

int method_agent_execute(sd_bus_message *message, void *userdata, sd_bus_error *error);

}  // namespace qemunit::bus
