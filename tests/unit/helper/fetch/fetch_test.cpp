// SPDX-License-Identifier: MIT
//
// qemunit-fetch with servers of every kind: what it leaves, and what it goes on from.
#include <gtest/gtest.h>

#include "helper/fetch/fetch_options.h"
#include "tests/http_server.h"
#include "tests/unit/program.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::helper {
namespace {

using testing::ProgramResult;
using Page = HttpServer::Page;

std::string body_of(std::size_t size) {
    std::string body(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        body[i] = static_cast<char>(i * 7 + i / 251);
    return body;
}

class FetchTest : public ::testing::Test {
  protected:
    ProgramResult fetch(const std::string &url, const std::string &more = "--max-size=10000000") {
        return testing::run_program(
            {"/bin/sh", "-c",
             "cd \"$0\" && exec " QEMUNIT_FETCH " --stall=1 --to=image --url=\"$1\" " + more,
             folder_.path(), url});
    }
    void expect_failure(const ProgramResult &result, const std::string &text) {
        EXPECT_EQ(result.exit_code, 1);
        EXPECT_TRUE(result.errors.contains(text)) << result.errors;
        EXPECT_FALSE(folder_.contents().contains("image"));
    }

    HttpServer server_;
    testing::TemporaryFolder folder_;
    const std::string body_ = body_of(300'000);
};

TEST_F(FetchTest, AWholeFile) {
    server_.set("/a", {.body = body_});
    const auto done = fetch(server_.url("/a"));
    EXPECT_EQ(done.exit_code, 0) << done.errors;
    EXPECT_EQ(folder_.read("image"), body_);
    EXPECT_FALSE(folder_.contents().contains("image.part"));
    EXPECT_FALSE(server_.requests().front().contains("Range:"));
    server_.set("/empty", {.body = ""});
    EXPECT_EQ(fetch(server_.url("/empty")).exit_code, 0);
    EXPECT_EQ(folder_.read("image"), "");
}

TEST_F(FetchTest, GoesOnWhereItWasCutOff) {
    server_.set("/a", {.body = body_, .cut = 100'000});
    expect_failure(fetch(server_.url("/a")),
                   "the connection ended after 100000 bytes of 300000; "
                   "what is here is kept");
    server_.set("/a", {.body = body_, .cut = 200'000, .stalls = true});
    expect_failure(fetch(server_.url("/a")), "the server stalled: in 1 s");
    server_.set("/a", {.body = body_});
    EXPECT_EQ(fetch(server_.url("/a")).exit_code, 0);
    EXPECT_EQ(folder_.read("image"), body_);
    EXPECT_TRUE(server_.requests()[1].contains("\r\nRange: bytes=100000-\r\n"));
    EXPECT_TRUE(server_.requests()[2].contains("\r\nRange: bytes=200000-\r\n"));
    EXPECT_TRUE(server_.requests()[2].contains("\r\nIf-Range: \"1\"\r\n"));
    // All of it is here, and nobody took it: nothing is sent once more.
    EXPECT_EQ(fetch(server_.url("/a")).exit_code, 0);
    EXPECT_EQ(folder_.read("image"), body_);
    EXPECT_TRUE(server_.requests()[3].contains("\r\nRange: bytes=300000-\r\n"));
}

TEST_F(FetchTest, BeginsAnewWhereItCannotGoOn) {
    const auto cut_then = [&](Page page, const std::string &path = "/a") {
        server_.set("/a", {.body = body_of(500'000), .cut = 100'000});
        fetch(server_.url("/a"));
        server_.set(path, std::move(page));
        const auto done = fetch(server_.url(path));
        EXPECT_EQ(done.exit_code, 0) << done.errors;
        EXPECT_EQ(folder_.read("image"), body_);
        std::filesystem::remove(folder_ / "image");
    };
    cut_then({.body = body_, .etag = "\"2\""});
    cut_then({.body = body_, .knows_ranges = false});
    cut_then({.body = body_}, "/b");
    // A server that promises nothing about its versions.
    server_.set("/a", {.body = body_, .etag = "W/\"1\"", .cut = 100'000});
    fetch(server_.url("/a"));
    server_.set("/a", {.body = body_, .etag = ""});
    EXPECT_EQ(fetch(server_.url("/a")).exit_code, 0);
    EXPECT_EQ(folder_.read("image"), body_);
}

TEST_F(FetchTest, WhatTheServerDoesNotHave) {
    expect_failure(fetch(server_.url("/none")), "there is no such file on the server (status 404)");
    server_.set("/a", {.body = "sorry", .status = 503});
    expect_failure(fetch(server_.url("/a")), "the server refused with status 503");
    expect_failure(fetch("http://127.0.0.1:1/a"), "connect");
    EXPECT_EQ(fetch("file:///etc/passwd").exit_code, 64);
    EXPECT_EQ(fetch("ftp://127.0.0.1/a").exit_code, 64);
}

TEST_F(FetchTest, NothingTooLarge) {
    server_.set("/a", {.body = body_});
    expect_failure(fetch(server_.url("/a"), "--max-size=299999"), "is larger than 299999 bytes");
    EXPECT_EQ(folder_.read("image.part"), "");
    server_.set("/b", {.body = body_, .knows_length = false});
    expect_failure(fetch(server_.url("/b"), "--max-size=299999"), "is larger than 299999 bytes");
    server_.set("/c", {.body = "x", .length = 1ull << 60});
    expect_failure(fetch(server_.url("/c"), "--max-size=2000000000000000000"),
                   "there is no room: ");
}

TEST_F(FetchTest, Redirects) {
    server_.set("/a", {.status = 302, .location = "/b"});
    server_.set("/b", {.body = body_});
    EXPECT_EQ(fetch(server_.url("/a")).exit_code, 0);
    EXPECT_EQ(folder_.read("image"), body_);
    std::filesystem::remove(folder_ / "image");
    for (const std::string elsewhere :
         {"file:///etc/passwd", "ftp://127.0.0.1/a", "gopher://127.0.0.1/"}) {
        server_.set("/a", {.status = 302, .location = elsewhere});
        expect_failure(fetch(server_.url("/a")), "which is refused");
    }
    server_.set("/a", {.status = 302, .location = "/a"});
    expect_failure(fetch(server_.url("/a")), "redirects");
}

TEST(FetchOptionsTest, Words) {
    const auto fault = [](const std::vector<std::string> &words) {
        const auto options = parse_fetch_options(words);
        return options ? "" : options.error().message;
    };
    EXPECT_EQ(fault({"--url=https://a/b", "--to=c"}), "");
    EXPECT_EQ(fault({"--url=b", "--to=c"}), "--url='b' is neither https nor http");
    EXPECT_EQ(fault({"--url=https://a", "--to=../c"}), "--to='../c' is no name of a file");
    EXPECT_EQ(fault({"--url=https://a", "--to=.c"}), "--to='.c' is no name of a file");
    EXPECT_EQ(fault({"--url=https://a", "--to=c", "--stall=0"}),
              "--stall='0' is no number of seconds");
    EXPECT_EQ(fault({"--url=https://a", "--to=c", "--max-size=x"}),
              "--max-size='x' is no number of bytes");
    EXPECT_TRUE(fetch_help().contains("--max-size=BYTES"));
}

}  // namespace
}  // namespace qemunit::helper
