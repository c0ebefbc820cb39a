// SPDX-License-Identifier: MIT
//
// QMP event -> the line that `systemctl status` shows as the VM's status. Pure.
#pragma once

#include <string>
#include <string_view>

#include "common/qmp/qmp_client.h"

namespace qemunit::helper {

// "" for events that change nothing a person would ask about (common/qmp/events.cpp).
// `exit_status`: what the guest has said that it ends with.
std::string status_text(const QmpEvent &event, int exit_status = 0);

// The same for what query-status says, when the events are not known.
std::string status_text_of_state(std::string_view state);

}  // namespace qemunit::helper
