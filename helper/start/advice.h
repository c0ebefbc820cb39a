// SPDX-License-Identifier: MIT
//
// Advice for people about the files that QEMU opens: who may open them, what they are called.
#pragma once

#include <string>

#include "common/paths.h"

namespace qemunit::helper {

// "" if this process may open the file, or if there is no file; else what to do.
std::string permission_advice(const std::string &path, bool write, Scope scope = Scope::system);

// The same for /dev/kvm, which a group may open.
std::string kvm_advice(const std::string &path, Scope scope = Scope::system);

// "" if there is no quote in the path, or if there is a file; else why there may be none.
std::string quoted_path_advice(const std::string &path);

// "" if the socket of a supporting unit is there; else where to look.
std::string missing_part_advice(const std::string &unit, const std::string &socket,
                                Scope scope = Scope::system);

// "" if the image that qemu-image@.service of the VM was to make is there; else where to look.
std::string missing_image_advice(const std::string &path, const std::string &vm,
                                 Scope scope = Scope::system);

}  // namespace qemunit::helper
