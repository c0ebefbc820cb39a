// SPDX-License-Identifier: MIT
//
// The VMs that are configured: those for which the generator wrote a drop-in, and those whose
// ini has errors, for which it wrote these. This is how the daemon knows of VMs that are off,
// without making PID 1 load their units.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace qemunit::bus {

struct ConfiguredVm {
    std::string source_path;          // "" where the drop-in has none
    std::vector<std::string> errors;  // of its ini: "PATH:LINE: MESSAGE"; if any, it has no drop-in
    auto operator<=>(const ConfiguredVm &) const = default;
};

// By the VM's name.
using ConfiguredVms = std::map<std::string, ConfiguredVm, std::less<>>;

// `generator_output`: of Paths. Unreadable or missing means no VMs.
ConfiguredVms configured_vms(std::string_view generator_output);

// Which run of the generators wrote what is there: every reload of systemd makes the folder anew.
struct GeneratorRun {
    uint64_t inode = 0;  // 0: they wrote nothing
    int64_t changed_sec = 0;
    int64_t changed_nsec = 0;
    auto operator<=>(const GeneratorRun &) const = default;
};
GeneratorRun generator_run(const std::string &generator_output);

// Keyboard= of that VM, as the generator gives it to QEMU; "" if it has none.
std::string configured_keyboard(std::string_view generator_output, const std::string &vm);

}  // namespace qemunit::bus
