// SPDX-License-Identifier: MIT
#include "ctl/top/top_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/ascii.h"
#include "common/time_units.h"

namespace qemunit::ctl {

namespace {

using Number = std::optional<uint64_t>;
using Rate = std::optional<double>;

constexpr std::array<std::pair<TopSort, std::string_view>, 6> kSorts = {
    {{TopSort::name, "name"},
     {TopSort::cpu, "cpu"},
     {TopSort::memory, "memory"},
     {TopSort::disk, "disk"},
     {TopSort::network, "network"},
     {TopSort::uptime, "uptime"}}};

// A second. A counter that has become smaller has begun anew.
Rate rate(Number before, Number now, uint64_t usec) {
    if (!before || !now || usec == 0 || *now < *before)
        return std::nullopt;
    return static_cast<double>(*now - *before) * static_cast<double>(kSecond) /
           static_cast<double>(usec);
}

// Of ns a second.
Rate percent(Rate nanoseconds) {
    return nanoseconds ? Rate(*nanoseconds / 1e7) : std::nullopt;
}

Number sum_of_threads(const VmFigures &vm, std::optional<uint64_t> ThreadFigures::*time) {
    Number sum;
    for (const ThreadFigures &thread : vm.process.threads)
        if (thread.*time)
            sum = sum.value_or(0) + *(thread.*time);
    return sum;
}

Number sum_of_counter(const std::map<std::string, FigureCounters> &things, const char *counter) {
    Number sum;
    for (const auto &[name, counters] : things)
        if (const auto found = counters.find(counter); found != counters.end())
            sum = sum.value_or(0) + found->second;
    return sum;
}

Number number_of(const VmFigures &vm, const char *key) {
    const auto found = vm.numbers.find(key);
    return found == vm.numbers.end() ? std::nullopt : Number(found->second);
}

template <typename T>
void add_to(std::optional<T> &sum, const std::optional<T> &one) {
    if (one)
        sum = sum.value_or(0) + *one;
}

void take_rates(TopRow &row, const VmFigures &before, const VmFigures &now, uint64_t usec) {
    row.cpu = percent(rate(before.process.cpu, now.process.cpu, usec));
    row.guest = percent(rate(sum_of_threads(before, &ThreadFigures::running),
                             sum_of_threads(now, &ThreadFigures::running), usec));
    row.steal = percent(rate(sum_of_threads(before, &ThreadFigures::waiting),
                             sum_of_threads(now, &ThreadFigures::waiting), usec));
    // They are read one after the other.
    if (row.cpu && row.guest)
        row.qemu = std::max(0.0, *row.cpu - *row.guest);
    // Read when QEMU answered, which may be long before the last of all VMs has.
    if (!before.answered || !now.answered || *now.answered <= *before.answered)
        return;
    const auto of = [&, between = *now.answered - *before.answered](auto things,
                                                                    const char *counter) {
        return rate(sum_of_counter(before.*things, counter), sum_of_counter(now.*things, counter),
                    between);
    };
    row.read = of(&VmFigures::drives, "rd_bytes");
    row.written = of(&VmFigures::drives, "wr_bytes");
    row.received = of(&VmFigures::networks, "rx_bytes");
    row.sent = of(&VmFigures::networks, "tx_bytes");
}

// What it is sorted by, the least for what is not known.
double key_of(const TopRow &row, TopSort sort) {
    constexpr double kUnknown = -1;
    switch (sort) {
        case TopSort::cpu:
            return row.cpu.value_or(kUnknown);
        case TopSort::memory:
            return row.memory ? static_cast<double>(*row.memory) : kUnknown;
        case TopSort::disk:
            return row.read || row.written ? row.read.value_or(0) + row.written.value_or(0)
                                           : kUnknown;
        case TopSort::network:
            return row.received || row.sent ? row.received.value_or(0) + row.sent.value_or(0)
                                            : kUnknown;
        case TopSort::uptime:
            return row.up_usec ? static_cast<double>(*row.up_usec) : kUnknown;
        case TopSort::name:
            break;
    }
    return 0;
}

}  // namespace

std::vector<TopRow> top_rows(const Moment *before, const Moment &now) {
    std::vector<TopRow> rows;
    for (const auto &[name, vm] : now.figures.vms) {
        TopRow row;
        row.name = name;
        row.state = vm.state;
        row.hangs = vm.answers == false && now.figures.daemon_answers;
        if (vm.since && now.realtime > *vm.since)
            row.up_usec = now.realtime - *vm.since;
        // Without the memory controller, the kernel counts for QEMU alone.
        row.memory = vm.process.memory ? vm.process.memory : vm.process.resident;
        row.guest_memory = number_of(vm, "Memory");
        row.balloon = number_of(vm, "BalloonActual");
        row.swap = vm.process.swapped;
        if (before) {
            const auto old = before->figures.vms.find(name);
            if (old != before->figures.vms.end() && old->second.main_pid == vm.main_pid &&
                vm.main_pid != 0 && now.monotonic > before->monotonic)
                take_rates(row, old->second, vm, now.monotonic - before->monotonic);
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

Result<TopSort> parse_top_sort(std::string_view word) {
    std::string names;
    for (const auto &[sort, name] : kSorts) {
        if (name == word)
            return sort;
        names += (names.empty() ? "" : ", ") + std::string(name);
    }
    return fail(EINVAL, fmt::format("'{}' is nothing to sort by; there are: {}", word, names));
}

std::string_view top_sort_name(TopSort sort) {
    return std::ranges::find(kSorts, sort, &std::pair<TopSort, std::string_view>::first)->second;
}

void sort_rows(std::vector<TopRow> &rows, TopSort sort, bool reverse) {
    std::ranges::sort(rows, [=](const TopRow &one, const TopRow &other) {
        const double a = key_of(one, sort), b = key_of(other, sort);
        if (a != b)
            return reverse ? a < b : a > b;
        return sort == TopSort::name && reverse ? one.name > other.name : one.name < other.name;
    });
}

std::vector<TopRow> filtered_rows(std::vector<TopRow> rows, std::string_view filter) {
    const std::string wanted = to_lower(filter);
    std::erase_if(rows, [&](const TopRow &row) {
        return !to_lower(row.name).contains(wanted) && !to_lower(row.state).contains(wanted);
    });
    return rows;
}

TopRow top_total(const std::vector<TopRow> &rows) {
    TopRow total;
    for (const TopRow &row : rows) {
        for (auto rate_of : {&TopRow::cpu, &TopRow::guest, &TopRow::qemu, &TopRow::steal,
                             &TopRow::read, &TopRow::written, &TopRow::received, &TopRow::sent})
            add_to(total.*rate_of, row.*rate_of);
        for (auto number :
             {&TopRow::memory, &TopRow::guest_memory, &TopRow::balloon, &TopRow::swap})
            add_to(total.*number, row.*number);
    }
    return total;
}

}  // namespace qemunit::ctl
