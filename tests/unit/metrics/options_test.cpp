// SPDX-License-Identifier: MIT
#include "metrics/options.h"

#include <gtest/gtest.h>

namespace qemunit::metrics {
namespace {

std::string error_of(const std::vector<std::string> &words) {
    const auto options = parse_metrics_options(words);
    return options ? "" : options.error().message;
}

TEST(MetricsOptionsTest, Values) {
    const auto options = parse_metrics_options({"--textfile=/run/a.prom", "--every=5"});
    ASSERT_TRUE(options);
    EXPECT_EQ(options->textfile, "/run/a.prom");
    EXPECT_EQ(options->every_usec, 5 * kSecond);
    EXPECT_EQ(options->timeout_usec, kSecond);
}

TEST(MetricsOptionsTest, Errors) {
    EXPECT_EQ(error_of({"--every=0"}), "'0' is not a number of seconds from 1 to 3600");
    EXPECT_EQ(error_of({"--textfile=a"}), "'a' is not the absolute path of a file");
    EXPECT_EQ(error_of({"x"}), "unknown argument 'x'; see --help");
    EXPECT_EQ(error_of({"--openmetrics"}),
              "--openmetrics goes with --print; a client says what it wants, and node_exporter "
              "reads nothing else");
    EXPECT_EQ(error_of({"--print", "--textfile=/a"}), "--print and --textfile exclude each other");
}

}  // namespace
}  // namespace qemunit::metrics
