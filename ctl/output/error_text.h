// SPDX-License-Identifier: MIT
//
// An error of D-Bus in words for a person at a shell, with what to do next. Pure.
#pragma once

#include <string>
#include <string_view>

namespace qemunit::ctl {

// `member`: what was called. `vm`: "" where it was not about one.
std::string error_text(std::string_view name, std::string_view message, std::string_view member,
                       std::string_view vm);

// The same hints for VMs of a user's own manager: "systemctl start …" -> "systemctl --user start
// …".
std::string for_own_manager(std::string text);

}  // namespace qemunit::ctl
