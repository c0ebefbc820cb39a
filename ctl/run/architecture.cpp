// SPDX-License-Identifier: MIT
#include "ctl/run/architecture.h"

#include <sys/utsname.h>

#include <algorithm>

#include "common/concat.h"
#include "common/paths.h"

namespace qemunit::ctl {

namespace {

struct Known {
    std::string_view name;
    std::string_view also;  // what others call it
    std::string_view console, kernel;
};
constexpr Known kArchitecturesOfRuns[] = {
    {"x86_64", "amd64", "ttyS0", "arch/x86/boot/bzImage"},
    {"i386", "i686", "ttyS0", "arch/x86/boot/bzImage"},
    {"aarch64", "arm64", "ttyAMA0", "arch/arm64/boot/Image"},
    {"arm", "armhf", "ttyAMA0", "arch/arm/boot/zImage"},
    {"riscv64", "riscv", "ttyS0", "arch/riscv/boot/Image"},
};

const Known *find_known(std::string_view name) {
    const auto *const found = std::ranges::find_if(kArchitecturesOfRuns, [&](const Known &known) {
        return name == known.name || name == known.also;
    });
    return found == std::end(kArchitecturesOfRuns) ? nullptr : found;
}

}  // namespace

std::string architecture_named(std::string_view name) {
    const Known *known = find_known(name);
    return std::string(known ? known->name : "");
}

std::string architecture_of_this_machine() {
    utsname name{};
    uname(&name);
    const std::string_view machine = name.machine;  // "armv7l"
    return architecture_named(machine.starts_with("armv") ? "arm" : machine);
}

std::string console_of(std::string_view architecture) {
    const Known *known = find_known(architecture);
    return std::string(known ? known->console : "ttyS0");
}

std::string kernel_words_of(std::string_view architecture) {
    // Where QEMU emulates and others work as well, ticks come late, and the kernel takes its timer
    // for broken: "IO-APIC + timer doesn't work!". With KVM, it does not look either.
    return architecture == "x86_64" || architecture == "i386" ? " no_timer_check" : "";
}

std::string_view built_kernel_of(std::string_view architecture) {
    const Known *known = find_known(architecture);
    return known ? known->kernel : "";
}

std::string init_for(std::string_view architecture) {
    const std::string own =
        concat(kHelperPath.substr(0, kHelperPath.rfind('/') + 1), "qemunit-init");
    return architecture.empty() || architecture == architecture_of_this_machine()
               ? own
               : concat(own, ".", architecture);
}

}  // namespace qemunit::ctl
