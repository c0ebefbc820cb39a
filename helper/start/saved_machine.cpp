// SPDX-License-Identifier: MIT
#include "helper/start/saved_machine.h"

#include <unistd.h>

#include <algorithm>
#include <cstddef>

#include "common/qemu_options/machine_version.h"
#include "helper/handover/saved_state.h"

namespace qemunit::helper {

namespace {

// QEMU_VM_FILE_MAGIC, QEMU_VM_FILE_VERSION and QEMU_VM_CONFIGURATION of QEMU's
// migration/savevm.c; then the length of the machine's name, big-endian, and the name.
constexpr std::string_view kBegin("QEVM\0\0\0\3\7", 9);
constexpr std::size_t kNameMax = 64;

}  // namespace

std::string machine_of_state(int state) {
    for (const off_t begin : {off_t{0}, kStateHeaderSize}) {
        char text[kBegin.size() + 4 + kNameMax] = {};
        const ssize_t size = pread(state, text, sizeof text, begin);
        if (size <= 0 || !std::string_view(text, sizeof text).starts_with(kBegin))
            continue;
        const auto *length = reinterpret_cast<unsigned char *>(text + kBegin.size());
        const std::size_t name = length[3];
        if (length[0] != 0 || length[1] != 0 || length[2] != 0 || name > kNameMax ||
            kBegin.size() + 4 + name > static_cast<std::size_t>(size))
            return {};
        return {text + kBegin.size() + 4, name};
    }
    return {};
}

bool use_machine_of_state(int state, std::vector<std::string> &command) {
    const auto option = std::ranges::find(command, "-machine");
    if (option == command.end() || option + 1 == command.end())
        return false;
    std::string &value = *(option + 1);
    const std::size_t end = std::min(value.find(','), value.size());
    const std::string machine = machine_of_state(state);
    if (!is_version_of(machine, std::string_view(value).substr(0, end)))
        return false;
    value.replace(0, end, machine);
    return true;
}

}  // namespace qemunit::helper
