// SPDX-License-Identifier: MIT
//
// What is left to people about the files that QEMU opens: who may open them, what they are called.
#pragma once

#include <string>

#include "common/paths.h"

namespace qemunit::helper {

// "" if this process may open the file, or if there is none; else what to do about it.
std::string permission_advice(const std::string &path, bool write, Scope scope = Scope::system);

// The same of /dev/kvm, which is for a group.
std::string kvm_advice(const std::string &path, Scope scope = Scope::system);

// "" if there is no quote in the path, or if it leads to something; else why it may not.
std::string quoted_path_advice(const std::string &path);

// "" if the socket is there, which a unit beside the VM's has; else where to look.
std::string missing_part_advice(const std::string &unit, const std::string &socket,
                                Scope scope = Scope::system);

// "" if the image is there, which qemu-image@.service of the VM was to make; else where to look.
std::string missing_image_advice(const std::string &path, const std::string &vm,
                                 Scope scope = Scope::system);

}  // namespace qemunit::helper
