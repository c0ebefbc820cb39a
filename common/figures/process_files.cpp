// SPDX-License-Identifier: MIT
#include "common/figures/process_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "common/unique_fd.h"

namespace qemunit {

namespace {

constexpr std::size_t kFileMax = 8192;
constexpr uint64_t kNsecPerSec = 1'000'000'000;

std::string read_small(const std::string &path) {
    const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
    if (!fd)
        return {};
    std::string text(kFileMax, '\0');
    ssize_t n = 0;
    do
        n = read(fd.get(), text.data(), text.size());
    while (n < 0 && errno == EINTR);
    text.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return text;
}

std::optional<uint64_t> first_number(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    uint64_t number = 0;
    const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc{} ? std::optional(number) : std::nullopt;
}

std::optional<uint64_t> times(std::optional<uint64_t> number, uint64_t factor) {
    return number ? std::optional(*number * factor) : std::nullopt;
}

std::optional<uint64_t> ticks_in_ns(std::optional<uint64_t> ticks) {
    static const long kTicks = sysconf(_SC_CLK_TCK);
    return kTicks > 0 ? times(ticks, kNsecPerSec / static_cast<uint64_t>(kTicks)) : std::nullopt;
}

std::optional<uint64_t> sum(std::optional<uint64_t> one, std::optional<uint64_t> other) {
    return one && other ? std::optional(*one + *other) : std::nullopt;
}

// Of the control group itself, be it alone or beside those of version 1.
std::string group_folder(const std::string &group, const ProcessFiles &files) {
    for (const char *place : {"", "/unified"}) {
        const std::string folder = files.cgroup + place + group;
        if (access((folder + "/cpu.stat").c_str(), R_OK) == 0)
            return folder;
    }
    return {};
}

ThreadFigures read_thread(const std::string &folder) {
    ThreadFigures thread;
    const std::string times_of_scheduler = read_small(folder + "/schedstat");
    const std::string_view text = times_of_scheduler;
    thread.running = first_number(text);
    if (const std::size_t space = text.find(' '); space != text.npos)
        thread.waiting = first_number(text.substr(space));
    const std::string stat = read_small(folder + "/stat");
    if (!thread.running)
        thread.running = ticks_in_ns(sum(stat_field(stat, 14), stat_field(stat, 15)));
    thread.guest = ticks_in_ns(stat_field(stat, 43));
    return thread;
}

}  // namespace

std::string unified_group(std::string_view proc_cgroup) {
    for (std::string_view rest = proc_cgroup; !rest.empty();) {
        const std::size_t end = rest.find('\n');
        const std::string_view line = rest.substr(0, end);
        if (line.starts_with("0::/"))
            return std::string(line.substr(3));
        rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    }
    return {};
}

std::optional<uint64_t> number_behind(std::string_view text, std::string_view key) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        if (line.starts_with(key))
            return first_number(line.substr(key.size()));
        text.remove_prefix(end == text.npos ? text.size() : end + 1);
    }
    return std::nullopt;
}

std::optional<uint64_t> stat_field(std::string_view stat, unsigned number) {
    const std::size_t name_end = stat.rfind(')');
    if (name_end == stat.npos || number < 3)
        return std::nullopt;
    std::string_view rest = stat.substr(name_end + 1);
    for (unsigned field = 3; field < number; ++field) {
        const std::size_t space = rest.find(' ', 1);
        if (space == rest.npos)
            return std::nullopt;
        rest.remove_prefix(space);
    }
    return first_number(rest);
}

ProcessFigures read_process_figures(uint32_t pid, const std::vector<uint32_t> &threads,
                                    const ProcessFiles &files) {
    ProcessFigures figures;
    if (pid == 0)
        return figures;
    const std::string process = files.proc + "/" + std::to_string(pid);
    const std::string group = unified_group(read_small(process + "/cgroup"));
    // Of the root group, it would be the whole machine's.
    const std::string folder = group.size() > 1 ? group_folder(group, files) : "";
    if (!folder.empty()) {
        figures.cpu = times(number_behind(read_small(folder + "/cpu.stat"), "usage_usec "), 1000);
        figures.memory = first_number(read_small(folder + "/memory.current"));
    }
    if (!figures.cpu) {
        const std::string stat = read_small(process + "/stat");
        figures.cpu = ticks_in_ns(sum(stat_field(stat, 14), stat_field(stat, 15)));
    }
    const std::string status = read_small(process + "/status");
    figures.resident = times(number_behind(status, "VmRSS:"), 1024);
    figures.swapped = times(number_behind(status, "VmSwap:"), 1024);
    for (const uint32_t thread : threads)
        figures.threads.push_back(read_thread(process + "/task/" + std::to_string(thread)));
    return figures;
}

}  // namespace qemunit
