// SPDX-License-Identifier: MIT
#include "generator/vm/stop_timeout.h"

#include <fmt/format.h>

#include "generator/vm/values.h"

namespace qemunit::generator {

namespace {

// The line of [Service] that counts: systemd takes the last one that it understands.
const UnitLine *line_of_service(const Vm &vm) {
    const UnitLine *last = nullptr;
    for (const UnitLine &line : vm.service_lines)
        if ((line.key == "TimeoutStopSec" || line.key == "TimeoutSec") &&
            parse_value(As<TimeSpan>{}, line.value))
            last = &line;
    return last;
}

// systemd takes a time of 0 for no limit (config_parse_service_timeout()).
uint64_t seconds_of(const TimeSpan &span) {
    if (span.seconds > 0)
        return span.seconds;
    return span.text.find_first_of("123456789") == std::string::npos ? UINT64_MAX : 1;
}

}  // namespace

std::optional<uint64_t> stop_timeout_seconds(const Vm &vm) {
    if (const UnitLine *line = line_of_service(vm))
        return seconds_of(*parse_value(As<TimeSpan>{}, line->value));
    if (vm.stop_timeout)
        return seconds_of(*vm.stop_timeout);
    return std::nullopt;
}

void check_stop_timeout(const Vm &vm, Diagnostics &diagnostics) {
    for (const UnitLine &line : vm.service_lines)
        if (line.key == "TimeoutStopSec" && !parse_value(As<TimeSpan>{}, line.value))
            diagnostics.push_back(
                {line.where, Severity::warning,
                 fmt::format("TimeoutStopSec={}: qemunit-helper, which shuts the guest down within "
                             "that time, does not understand it; write StopTimeout= in [VM].",
                             line.value)});
    const UnitLine *line = line_of_service(vm);
    if (line != nullptr && vm.stop_timeout &&
        seconds_of(*parse_value(As<TimeSpan>{}, line->value)) != seconds_of(*vm.stop_timeout))
        diagnostics.push_back({line->where, Severity::warning,
                               fmt::format("{}={} in [Service] comes after StopTimeout={}, which "
                                           "has no effect; write one of them.",
                                           line->key, line->value, vm.stop_timeout->text)});
}

}  // namespace qemunit::generator
