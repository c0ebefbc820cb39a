// SPDX-License-Identifier: MIT
//
// The texts are those of QEMU 7.2.
#include "common/qmp/hmp_text.h"

#include <gtest/gtest.h>

namespace qemunit {
namespace {

TEST(HmpTextTest, OutputIsCleaned) {
    EXPECT_EQ(hmp_result("VM status: running\r\n"), "VM status: running");
    EXPECT_EQ(hmp_result("a\r\nb\r\n"), "a\nb");
    EXPECT_EQ(hmp_result("a\n"), "a");
    EXPECT_EQ(hmp_result("a"), "a");
    EXPECT_EQ(hmp_result(""), "");
    EXPECT_EQ(hmp_result("\r\n"), "");
}

TEST(HmpTextTest, OnlyOneLineEndIsDropped) {
    EXPECT_EQ(hmp_result("a\r\n\r\n"), "a\n");
    EXPECT_EQ(hmp_result("\r\r\n"), "\r");
    EXPECT_EQ(hmp_result("50%\r100%\r\n"), "50%\r100%");
}

TEST(HmpTextTest, ErrorsAreTold) {
    for (const char *error :
         {"Error: No block device can accept snapshots\r\n", "unknown command: 'nope'\r\n",
          "sendkey: string expected\r\nTry \"help sendkey\" for more information\r\n"}) {
        auto result = hmp_result(error);
        ASSERT_FALSE(result) << error;
    }
    EXPECT_EQ(hmp_result("Error: Device 'x' not found\r\n").error(), "Error: Device 'x' not found");
    EXPECT_EQ(hmp_result("x: extraneous characters at the end of line\r\n"
                         "Try \"help x\" for more information\r\n")
                  .error(),
              "x: extraneous characters at the end of line\nTry \"help x\" for more information");
}

// What went wrong is told before, line by line.
TEST(HmpTextTest, AnErrorMayHaveLinesBeforeItAndAfterIt) {
    const std::string text =
        "Unknown savevm section or instance 'x' 0\r\n"
        "Error: Error -22 while loading VM state\r\n"
        "Try again.\r\n";
    const auto result = hmp_result(text);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error(),
              "Unknown savevm section or instance 'x' 0\nError: Error -22 while loading VM state\n"
              "Try again.");
    EXPECT_EQ(hmp_error(result.error()), "Error -22 while loading VM state");
    EXPECT_EQ(hmp_error("Error: a Error: b"), "a Error: b");
    EXPECT_EQ(hmp_error("loadvm: string expected\nTry \"help loadvm\" for more information"), "");
}

TEST(HmpTextTest, OutputThatOnlyMentionsAnErrorIsOutput) {
    for (const char *output :
         {"ide0: Error: none\r\n", "see: unknown command: 'x'\r\n",
          "Try \"help x\" for more information\r\nand more\r\n",
          "usage: Try \"help x\" for more information\r\n", "Try \"help x\"\r\n"})
        EXPECT_TRUE(hmp_result(output)) << output;
}

TEST(HmpTextTest, WhatALineMayBe) {
    for (const char *line : {"info status", "", "sendkey \xc3\xa4", "a\tb\"\\"})
        EXPECT_TRUE(is_hmp_text(line)) << line;
    for (const std::string line : {"\xff", "a\xc3", "\xed\xa0\x80"})
        EXPECT_FALSE(is_hmp_text(line)) << line;
    EXPECT_FALSE(is_hmp_text(std::string("a\0b", 3)));
}

TEST(HmpTextTest, WhatEndsQemu) {
    for (const char *line : {"quit", "q", " quit", "q \t"})
        EXPECT_TRUE(is_hmp_quit(line)) << line;
    for (const char *line : {"", " ", "quit now", "qu", "info quit", "quitq"})
        EXPECT_FALSE(is_hmp_quit(line)) << line;
}

TEST(HmpTextTest, WhatLoadsASnapshot) {
    for (const char *line : {"loadvm x", " loadvm\tx y"})
        EXPECT_TRUE(is_hmp_load(line)) << line;
    for (const char *line : {"", " ", "loadvm", "loadvms x", "help loadvm x", "savevm loadvm"})
        EXPECT_FALSE(is_hmp_load(line)) << line;
}

}  // namespace
}  // namespace qemunit
