// SPDX-License-Identifier: MIT
//
// Who may do what with a VM. root may; for all others polkit is asked, with the details vm=NAME and
// verb=MEMBER for its rules. Never waits, and never takes longer than its deadline. The methods of
// org.qemunit1.VM ask here before they read their arguments.
#pragma once

#include <systemd/sd-bus.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "bus/access/callers.h"

namespace qemunit::bus {

// The actions of org.qemunit1.policy.
enum class Action {
    inspect,  // look at the VM; everybody may, unless polkit's rules say otherwise
    control,  // what a person at the machine could do
    monitor,  // QEMU's monitor, which can do anything that QEMU can
};

// The decision on a call.
struct Decision {
    const char *error = nullptr;  // the name of a D-Bus error; nullptr: the call is allowed
    std::string message;          // why the call is refused
    OpenCall open;                // to be kept until the call is answered
};

// Decides on the call `message` to the VM of that name; `decided` is called once. A call that
// allows it (sd_bus_message_set_allow_interactive_authorization(3)) may make polkit ask a
// person, see polkit.h.
//
// A polkit that does not answer has not allowed it. Where this system has none (look_for_polkit()),
// everybody may inspect, root and the user that the VM runs as may do the rest. On the bus of a
// user: this user.
void authorize(sd_bus_message *message, Action action, const std::string &vm,
               std::function<void(Decision &&)> decided);

// Which of many VMs the caller may inspect. No person is asked: a VM that takes a password is not
// among them. If polkit does not answer about one, or not about all within its time, the call is
// refused. What polkit has said is taken for true for some seconds for the same caller.
void authorize_inspection(
    sd_bus_message *message, std::vector<std::string> vms,
    std::function<void(Decision &&, const std::set<std::string> &allowed)> decided);

}  // namespace qemunit::bus
