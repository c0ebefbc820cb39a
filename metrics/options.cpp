// SPDX-License-Identifier: MIT
#include "metrics/options.h"

#include <fmt/format.h>

#include "common/options.h"
#include "common/whole_number.h"

namespace qemunit::metrics {

namespace {

template <uint32_t kLeast, uint32_t kMost>
Result<uint64_t> parse_seconds_between(std::string_view text) {
    const auto seconds = whole_number<uint32_t>(text, {.least = kLeast, .most = kMost});
    if (!seconds)
        return fail(EINVAL, fmt::format("'{}' is not a number of seconds from {} to {}", text,
                                        kLeast, kMost));
    return *seconds * kSecond;
}

Result<std::string> parse_path(std::string_view text) {
    if (!text.starts_with('/'))
        return fail(EINVAL, fmt::format("'{}' is not the absolute path of a file", text));
    return std::string(text);
}

constexpr Option<MetricsOptions> kMetricsOptions[] = {
    {{.name = "--print", .help = "Print the metrics once, for Prometheus"},
     set_to<&MetricsOptions::mode, MetricsOptions::Mode::print>},
    {{.name = "--openmetrics", .help = "With --print: as OpenMetrics text"},
     set_to<&MetricsOptions::openmetrics>},
    {{.name = "--textfile",
      .value = "FILE",
      .help = "Write this file again and again, for node_exporter"},
     set_parsed<&MetricsOptions::textfile, parse_path>},
    {{.name = "--every", .value = "SECONDS", .help = "How often that is (30)"},
     set_parsed<&MetricsOptions::every_usec, parse_seconds_between<1, 3600>>},
    {{.name = "--timeout",
      .value = "SECONDS",
      .help = "How long to wait for QEMUs that do not answer (1)"},
     set_parsed<&MetricsOptions::timeout_usec, parse_seconds_between<1, 20>>},
    {{.name = "--idle-exit",
      .value = "SECONDS",
      .help = "End when nobody has come for so long (300)"},
     set_parsed<&MetricsOptions::idle_usec, parse_seconds_between<1, 86400>>},
    {{.name = "--user", .help = "The VMs of the user's own manager"},
     set_to<&MetricsOptions::user>},
    {kHelpOption, set_to<&MetricsOptions::mode, MetricsOptions::Mode::help>, true},
    {kVersionOption, set_to<&MetricsOptions::mode, MetricsOptions::Mode::version>, true},
};

}  // namespace

std::string metrics_help() {
    return options_help(
        R"(qemunit-metrics [OPTION...]

What all VMs use, for Prometheus: by HTTP on the sockets of qemunit-metrics.socket, which
starts this program when somebody asks; or as a file; or printed.

)",
        kMetricsOptions, "\nSee qemunit-metrics(8).\n");
}

Result<MetricsOptions> parse_metrics_options(const std::vector<std::string> &arguments) {
    MetricsOptions options;
    const auto words = take_options(kMetricsOptions, arguments, Operands::anywhere, options);
    if (!words)
        return std::unexpected(words.error());
    if (!words->empty())
        return fail(EINVAL, fmt::format("unknown argument '{}'; see --help", words->front()));
    if (options.openmetrics && options.mode == MetricsOptions::Mode::serve)
        return fail(EINVAL,
                    "--openmetrics goes with --print; a client says what it wants, and "
                    "node_exporter reads nothing else");
    if (!options.textfile.empty() && options.mode == MetricsOptions::Mode::print)
        return fail(EINVAL, "--print and --textfile exclude each other");
    return options;
}

}  // namespace qemunit::metrics
