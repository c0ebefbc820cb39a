// SPDX-License-Identifier: MIT
//
// The user that a VM runs as, who exists while the VM runs: systemd makes it of the name
// (DynamicUser= in systemd.exec(5)). Pure.
#pragma once

#include <string>
#include <string_view>

namespace qemunit::generator {

// "qemu-" and the VM's name, or a hash of it where systemd takes no such user: it allows 31
// characters, and no dots.
std::string vm_user(std::string_view vm);

// Whether that is the name which qemu@.service itself writes, as "qemu-%i".
bool is_user_of_template(std::string_view vm);

}  // namespace qemunit::generator
