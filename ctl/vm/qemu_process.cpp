// SPDX-License-Identifier: MIT
#include "ctl/vm/qemu_process.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <fstream>

#include "common/qmp/qmp_client.h"
#include "common/vm_name.h"
#include "common/whole_number.h"
#include "ctl/vm/vm_bus.h"

namespace qemunit::ctl {

namespace {

double seconds_of(const timespec &time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

// When a process began, in seconds of CLOCK_REALTIME; proc_pid_stat(5). 0: not known.
double beginning_of(uint32_t pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string text;
    std::getline(file, text);
    // The second field may hold anything, in parentheses; the one behind it is the third.
    std::size_t at = text.rfind(')');
    for (int field = 2; field < 22 && at != text.npos; ++field)
        at = text.find(' ', at + 1);
    if (at == text.npos)
        return 0;
    const std::string_view rest = std::string_view(text).substr(at + 1);
    const auto ticks = whole_number<uint64_t>(rest.substr(0, rest.find(' ')));
    if (!ticks)
        return 0;
    timespec now{}, since_boot{};
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_BOOTTIME, &since_boot);
    return seconds_of(now) - seconds_of(since_boot) +
           static_cast<double>(*ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

Result<uint32_t> main_pid(sd_bus *bus, const std::string &vm) {
    auto property = service_property(bus, service_unit(vm), "MainPID", "u");
    uint32_t pid = 0;
    if (!property)
        return std::unexpected(property.error());
    if (int r = sd_bus_message_read(property->get(), "u", &pid); r < 0)
        return fail_errno(r, "cannot read MainPID");
    return pid;
}

std::vector<std::string> command_of_process(uint32_t pid) {
    std::ifstream file(fmt::format("/proc/{}/cmdline", pid));
    std::vector<std::string> words;
    for (std::string word; std::getline(file, word, '\0');)
        words.push_back(word);
    return words;
}

// The program's own file, and not what the process was called by: that may be a script that has
// executed the program (/usr/bin/qemu-system-i386 of Debian 12).
bool is_program_replaced(uint32_t pid) {
    struct stat installed {
    }, running{};
    const std::string exe = fmt::format("/proc/{}/exe", pid);
    if (stat(exe.c_str(), &running) == 0) {
        std::error_code unreadable;
        std::string file = std::filesystem::read_symlink(exe, unreadable).string();
        constexpr std::string_view kDeleted = " (deleted)";  // proc_pid_exe(5)
        if (stat(file.c_str(), &installed) != 0 && file.ends_with(kDeleted))
            file.resize(file.size() - kDeleted.size());
        return !unreadable && stat(file.c_str(), &installed) == 0 &&
               (installed.st_dev != running.st_dev || installed.st_ino != running.st_ino);
    }
    const auto command = command_of_process(pid);
    if (command.empty() || !command.front().starts_with('/') ||
        stat(command.front().c_str(), &installed) != 0)
        return false;
    const double began = beginning_of(pid);
    return began > 0 && seconds_of(installed.st_ctim) > began + 1;
}

Result<std::string> machine_of(sd_bus *bus, const std::string &vm) {
    const auto reply =
        ask_vm(bus, vm, "Execute", {"qom-get", R"({"path":"/machine","property":"type"})"});
    if (!reply)
        return reply;
    const auto type = parse_json(*reply);
    std::string machine = type.is_string() ? type.get<std::string>() : "";
    constexpr std::string_view kSuffix = "-machine";
    if (machine.ends_with(kSuffix))
        machine.resize(machine.size() - kSuffix.size());
    return machine;
}

}  // namespace qemunit::ctl
