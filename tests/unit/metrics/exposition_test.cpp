// SPDX-License-Identifier: MIT
#include "metrics/exposition.h"

#include <gtest/gtest.h>

namespace qemunit::metrics {
namespace {

constexpr Family kCounter{"test_read_bytes", Type::counter, "bytes", "What was read."};
constexpr Family kHistogram{"test_latency_seconds", Type::histogram, "seconds", "How long."};

std::string written(Format format) {
    Exposition text(format);
    text.begin({"test_nothing", Type::gauge, "", "Not mentioned, as there is none."});
    text.begin({"test_build", Type::info, "", "The version."});
    text.add({{"version", "1"}}, 1);
    text.begin(kCounter);
    text.add({{"vm", "a"}, {"drive", "b"}}, UINT64_MAX);
    text.add({}, 0);
    text.begin({"test_start_seconds", Type::gauge, "seconds", "When."});
    text.add_seconds({{"vm", "a"}}, 1'500'000'001);
    text.begin({"test_progress_ratio", Type::gauge, "ratio", "How much."});
    text.add_ratio({}, 1, 4);
    text.add_ratio({}, 1, 0);
    text.begin(kHistogram);
    text.add_bucket({{"vm", "a"}}, 100'000, 2);
    text.add_bucket({{"vm", "a"}}, 1'000'000'000, 4);
    text.add_bucket({{"vm", "a"}}, UINT64_MAX, 5);
    return std::move(text).end();
}

TEST(ExpositionTest, AsPrometheusReadsIt) {
    EXPECT_EQ(written(Format::prometheus), R"(# HELP test_build_info The version.
# TYPE test_build_info gauge
test_build_info{version="1"} 1
# HELP test_read_bytes_total What was read.
# TYPE test_read_bytes_total counter
test_read_bytes_total{vm="a",drive="b"} 18446744073709551615
test_read_bytes_total 0
# HELP test_start_seconds When.
# TYPE test_start_seconds gauge
test_start_seconds{vm="a"} 1.500000001
# HELP test_progress_ratio How much.
# TYPE test_progress_ratio gauge
test_progress_ratio 0.25
test_progress_ratio 0
# HELP test_latency_seconds How long.
# TYPE test_latency_seconds histogram
test_latency_seconds_bucket{vm="a",le="0.0001"} 2
test_latency_seconds_bucket{vm="a",le="1.0"} 4
test_latency_seconds_bucket{vm="a",le="+Inf"} 5
)");
}

TEST(ExpositionTest, AsOpenMetrics) {
    EXPECT_EQ(written(Format::openmetrics), R"(# HELP test_build The version.
# TYPE test_build info
test_build_info{version="1"} 1
# HELP test_read_bytes What was read.
# TYPE test_read_bytes counter
# UNIT test_read_bytes bytes
test_read_bytes_total{vm="a",drive="b"} 18446744073709551615
test_read_bytes_total 0
# HELP test_start_seconds When.
# TYPE test_start_seconds gauge
# UNIT test_start_seconds seconds
test_start_seconds{vm="a"} 1.500000001
# HELP test_progress_ratio How much.
# TYPE test_progress_ratio gauge
# UNIT test_progress_ratio ratio
test_progress_ratio 0.25
test_progress_ratio 0
# HELP test_latency_seconds How long.
# TYPE test_latency_seconds histogram
# UNIT test_latency_seconds seconds
test_latency_seconds_bucket{vm="a",le="0.0001"} 2
test_latency_seconds_bucket{vm="a",le="1.0"} 4
test_latency_seconds_bucket{vm="a",le="+Inf"} 5
# EOF
)");
}

TEST(ExpositionTest, WhateverALabelHoldsIsOneValue) {
    EXPECT_EQ(escaped_label("plain \xc3\xa4"), "plain \xc3\xa4");
    EXPECT_EQ(escaped_label("a\"} 1\nevil{b=\"\\"), "a\\\"} 1\\nevil{b=\\\"\\\\");
    EXPECT_EQ(escaped_label("\xff\xc3"), "\xef\xbf\xbd\xef\xbf\xbd");
    EXPECT_EQ(escaped_label(""), "");
}

TEST(ExpositionTest, SecondsAreExact) {
    EXPECT_EQ(seconds_text(0), "0");
    EXPECT_EQ(seconds_text(1), "0.000000001");
    EXPECT_EQ(seconds_text(3'000'000'000), "3");
    EXPECT_EQ(seconds_text(1'795'988'523'763'664'000), "1795988523.763664");
    EXPECT_EQ(seconds_text(UINT64_MAX), "18446744073.709551615");
}

}  // namespace
}  // namespace qemunit::metrics
