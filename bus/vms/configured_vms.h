// SPDX-License-Identifier: MIT
//
// The VMs that are configured: the generator has written a drop-in for each of them, or the errors
// of its ini. So the daemon knows of VMs that are off without making PID 1 load their units.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace qemunit::bus {

struct ConfiguredVm {
    std::string source_path;  // "" where the drop-in has none
    std::vector<std::string>
        errors;  // of the ini: "PATH:LINE: MESSAGE"; if any, there is no drop-in
    auto operator<=>(const ConfiguredVm &) const = default;
};

// By the VM's name.
using ConfiguredVms = std::map<std::string, ConfiguredVm, std::less<>>;

// `generator_output`: of Paths. Unreadable or missing means no VMs.
ConfiguredVms configured_vms(std::string_view generator_output);

// Which run of the generators wrote what is there: every reload of systemd makes the folder anew.
struct GeneratorRun {
    uint64_t inode = 0;  // of the folder; 0: the generators wrote nothing
    int64_t changed_sec = 0;
    int64_t changed_nsec = 0;
    auto operator<=>(const GeneratorRun &) const = default;
};
GeneratorRun generator_run(const std::string &generator_output);

// Keyboard= of that VM, as the generator gives it to QEMU; "" if it has none.
std::string configured_keyboard(std::string_view generator_output, const std::string &vm);

}  // namespace qemunit::bus
