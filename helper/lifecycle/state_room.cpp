// SPDX-License-Identifier: MIT
#include "helper/lifecycle/state_room.h"

#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <fstream>
#include <sstream>

namespace qemunit::helper {

namespace {

constexpr uint64_t kMebibyte = 1 << 20;

// Devices, and the list of pages.
uint64_t with_overhead(uint64_t ram) {
    return ram + ram / 256 + 16 * kMebibyte;
}

}  // namespace

uint64_t filled_memory(const std::string &status) {
    uint64_t total = 0;
    std::istringstream lines(status);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string name;
        uint64_t kilobytes = 0;
        if (!(words >> name >> kilobytes))
            continue;
        if (name == "VmRSS:" || name == "VmSwap:" || name == "HugetlbPages:")
            total += kilobytes * 1024;
    }
    return total;
}

Result<> check_room_for_state(const std::string &state_file, uint64_t ram, pid_t qemu) {
    const std::string folder = state_file.substr(0, state_file.rfind('/') + 1);
    struct statvfs disk {};
    if (ram == 0 || statvfs(folder.c_str(), &disk) != 0)
        return {};
    std::ifstream file(fmt::format("/proc/{}/status", qemu));
    const std::string status(std::istreambuf_iterator<char>(file), {});
    if (const uint64_t filled = filled_memory(status); filled > 0)
        ram = std::min(ram, filled);
    const uint64_t needed = with_overhead(ram);
    const uint64_t available = uint64_t{disk.f_bavail} * disk.f_frsize;
    if (available >= needed)
        return {};
    return fail(ENOSPC, fmt::format("the machine's state may need {} MiB, and {} has {} MiB free",
                                    needed / kMebibyte, folder, available / kMebibyte));
}

}  // namespace qemunit::helper
