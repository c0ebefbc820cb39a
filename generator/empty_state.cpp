// SPDX-License-Identifier: MIT
#include "generator/empty_state.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <string_view>

#include "common/time_units.h"
#include "common/unique_fd.h"
#include "generator/check/child_user.h"

namespace qemunit::generator {

namespace {

// A file system's clock may be a tick of the kernel late.
constexpr uint64_t kTick = 10 * kMillisecond;

uint64_t usec_of(clockid_t clock) {
    timespec now{};
    clock_gettime(clock, &now);
    return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

// proc_pid_stat(5): 22 fields, of which the second one may hold anything in brackets.
uint64_t ticks_of_this_process() {
    char text[1024] = "";
    const UniqueFd file(open("/proc/self/stat", O_RDONLY | O_CLOEXEC));
    const ssize_t n = file ? read(file.get(), text, sizeof text - 1) : -1;
    const std::string_view stat(text, n > 0 ? static_cast<std::size_t>(n) : 0);
    const std::size_t name_end = stat.rfind(')');
    unsigned long long ticks = 0;
    if (name_end == stat.npos ||
        sscanf(text + name_end + 1,
               " %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
               &ticks) != 1)
        return 0;
    return ticks;
}

uint64_t number_after(std::string_view text, std::string_view name) {
    const std::size_t at = text.find(name);
    unsigned long long number = 0;
    if (at == text.npos || sscanf(text.data() + at + name.size(), "%llu", &number) != 1)
        return 0;
    return number;
}

}  // namespace

Period this_start() {
    const uint64_t now = usec_of(CLOCK_REALTIME), ticks = ticks_of_this_process();
    if (ticks == 0)
        return {};
    const auto per_second = static_cast<uint64_t>(sysconf(_SC_CLK_TCK));
    return {now - usec_of(CLOCK_BOOTTIME) + ticks * kSecond / per_second, now};
}

Period last_start(const std::string &unit) {
    constexpr std::string_view kBegin = "InactiveExitTimestampMonotonic",
                               kEnd = "InactiveEnterTimestampMonotonic";
    const auto shown = output_of({"/usr/bin/systemctl", "show", "--property=" + std::string(kBegin),
                                  "--property=" + std::string(kEnd), unit},
                                 "root");
    const std::string text = shown.value_or("");
    const uint64_t begin = number_after(text, std::string(kBegin) + "="),
                   end = number_after(text, std::string(kEnd) + "=");
    if (begin == 0 || end < begin)
        return {};
    const uint64_t zero = usec_of(CLOCK_REALTIME) - usec_of(CLOCK_MONOTONIC);
    return {zero + begin, zero + end};
}

bool remove_if_made_in(const Period &period, const std::string &folder) {
    struct statx info {};
    if (period.begin == 0 ||
        statx(AT_FDCWD, folder.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BTIME | STATX_MTIME, &info) != 0)
        return false;
    const bool is_known = (info.stx_mask & STATX_BTIME) != 0 && info.stx_btime.tv_sec != 0;
    const statx_timestamp &stamp = is_known ? info.stx_btime : info.stx_mtime;
    const uint64_t made =
        static_cast<uint64_t>(stamp.tv_sec) * kSecond + static_cast<uint64_t>(stamp.tv_nsec) / 1000;
    return made + kTick >= period.begin && made <= period.end && rmdir(folder.c_str()) == 0;
}

}  // namespace qemunit::generator
