// SPDX-License-Identifier: MIT
//
// The command line of qemunit-metrics.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/result.h"
#include "common/time_units.h"

namespace qemunit::metrics {

struct MetricsOptions {
    enum class Mode { serve, print, help, version };
    Mode mode = Mode::serve;
    bool openmetrics = false;  // with print
    bool user = false;
    std::string textfile;  // if any, in place of the sockets
    uint64_t every_usec = 30 * kSecond;
    uint64_t timeout_usec = kSecond;
    uint64_t idle_usec = 300 * kSecond;
};

std::string metrics_help();
Result<MetricsOptions> parse_metrics_options(const std::vector<std::string> &arguments);

}  // namespace qemunit::metrics
