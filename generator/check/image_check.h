// SPDX-License-Identifier: MIT
//
// Checks that have to look at the images of a VM. Part of check_host(), for --check; never when
// systemd runs the generator.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "generator/vm/vm.h"

namespace qemunit::generator {

// Called with each warning and its key.
using WarnOfKey =
    std::function<void(std::string_view section, std::string_view key, std::string message)>;

void check_images(const Vm &vm, const WarnOfKey &warn);

}  // namespace qemunit::generator
