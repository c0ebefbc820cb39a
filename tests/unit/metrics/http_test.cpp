// SPDX-License-Identifier: MIT
#include "metrics/http.h"

#include <gtest/gtest.h>

namespace qemunit::metrics {
namespace {

using Kind = Request::Kind;

Kind kind_of(std::string_view line) {
    const auto request = parse_request(std::string(line) + "\r\nHost: x\r\n\r\n");
    EXPECT_TRUE(request);
    return request ? request->kind : Kind::bad;
}

Format format_for(const std::string &accept) {
    const auto request = parse_request("GET /metrics HTTP/1.1\r\nACCEPT: " + accept + "\r\n\r\n");
    return request ? request->format : Format::prometheus;
}

TEST(HttpTest, WhatIsAskedFor) {
    EXPECT_EQ(kind_of("GET /metrics HTTP/1.1"), Kind::metrics);
    EXPECT_EQ(kind_of("GET /metrics?a=b HTTP/1.0"), Kind::metrics);
    EXPECT_EQ(kind_of("HEAD /metrics HTTP/1.1"), Kind::metrics);
    EXPECT_EQ(kind_of("GET / HTTP/1.1"), Kind::front_page);
    EXPECT_EQ(kind_of("GET /metricsx HTTP/1.1"), Kind::not_found);
    EXPECT_EQ(kind_of("GET /../etc/shadow HTTP/1.1"), Kind::not_found);
    EXPECT_EQ(kind_of("POST /metrics HTTP/1.1"), Kind::bad_method);
    for (const char *bad : {"", " ", "GET", "GET /metrics", "GET /metrics HTTP/2", "\xff\xff  "})
        EXPECT_EQ(kind_of(bad), Kind::bad) << bad;
    EXPECT_TRUE(parse_request("HEAD /metrics HTTP/1.1\r\n\r\n")->head_only);
    EXPECT_EQ(parse_request("GET /metrics HTTP/1.1\n\n")->kind, Kind::metrics);
}

TEST(HttpTest, AHeadThatIsNotWholeIsWaitedForButNotForEver) {
    EXPECT_FALSE(parse_request(""));
    EXPECT_FALSE(parse_request("GET /metrics HTTP/1.1\r\nHost: x\r\n"));
    const auto endless = parse_request(std::string(kHeadMax + 1, 'a'));
    ASSERT_TRUE(endless);
    EXPECT_EQ(endless->kind, Kind::bad);
}

TEST(HttpTest, TheFormatIsTheClients) {
    EXPECT_EQ(format_for("*/*"), Format::prometheus);
    EXPECT_EQ(format_for("text/plain"), Format::prometheus);
    // What Prometheus 2.42 sends.
    EXPECT_EQ(format_for("application/openmetrics-text;version=1.0.0,application/"
                         "openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5"),
              Format::openmetrics);
    EXPECT_EQ(format_for("application/openmetrics-text;q=0, text/plain"), Format::prometheus);
}

TEST(HttpTest, Answers) {
    EXPECT_EQ(http_answer(200, "text/plain", "abc", false),
              "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
              "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: "
              "close\r\n\r\nabc");
    EXPECT_TRUE(http_answer(200, "text/plain", "abc", true).ends_with("close\r\n\r\n"));
    EXPECT_TRUE(refusal_of({Kind::bad_method}).starts_with("HTTP/1.1 405 Method Not Allowed\r\n"));
    EXPECT_NE(refusal_of({Kind::bad_method}).find("\r\nAllow: GET, HEAD\r\n"), std::string::npos);
    EXPECT_TRUE(refusal_of({Kind::not_found}).starts_with("HTTP/1.1 404 Not Found\r\n"));
    EXPECT_TRUE(refusal_of({}).starts_with("HTTP/1.1 400 Bad Request\r\n"));
}

}  // namespace
}  // namespace qemunit::metrics
