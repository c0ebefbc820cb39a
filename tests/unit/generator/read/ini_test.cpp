// SPDX-License-Identifier: MIT
//
// The syntax of ini files, and each thing that inih as packaged would get wrong.
#include "generator/read/ini.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "generator/vm/text.h"
#include "tests/unit/generator/from_ini.h"
#include "tests/unit/random_text.h"

namespace qemunit::generator {
namespace {

using testing::Texts;
using testing::texts;

struct Read {
    Texts entries;  // "2 [VM]", "3 [VM] Memory=1G"
    Texts said;
};

Read read(std::string_view text) {
    Diagnostics diagnostics;
    const IniFile file = parse_ini("a.ini", text, diagnostics);
    Read result;
    for (const IniEntry &e : file.entries)
        result.entries.push_back(
            e.key.empty() ? fmt::format("{} [{}]", e.line, e.section)
                          : fmt::format("{} [{}] {}={}", e.line, e.section, e.key, e.value));
    result.said = texts(diagnostics);
    return result;
}

void expect_entries(std::string_view text, const Texts &entries) {
    const Read result = read(text);
    EXPECT_EQ(result.entries, entries) << text;
    EXPECT_EQ(result.said, Texts{}) << text;
}

// Below a section header, which is line 1.
void expect_error(std::string_view line, const std::string &message) {
    const Read result = read("[VM]\n" + std::string(line) + "\nCPUs=2\n");
    EXPECT_EQ(result.said, Texts{"error: a.ini:2: " + message});
    EXPECT_EQ(result.entries.back(), "3 [VM] CPUs=2");
    EXPECT_EQ(result.entries.size(), 2u);
}

TEST(IniTest, SectionsAndAssignmentsComeWithTheirLines) {
    expect_entries("[VM]\nMemory=1G\n\n[Drive root]\nFile=/a.img\nFormat=raw\n",
                   {"1 [VM]", "2 [VM] Memory=1G", "4 [Drive root]", "5 [Drive root] File=/a.img",
                    "6 [Drive root] Format=raw"});
}

TEST(IniTest, NothingGivesNothing) {
    for (std::string_view text : {"", "\n", "\n\n \t\n", "# comment", "\xef\xbb\xbf", "\r\n"})
        expect_entries(text, {});
}

TEST(IniTest, WhiteSpaceAroundKeysValuesAndHeadersIsNoPartOfThem) {
    expect_entries(" [ Drive\troot ] \n\tFile \t= \t a  b \t\n",
                   {"1 [Drive\troot]", "2 [Drive\troot] File=a  b"});
}

TEST(IniTest, AnIndentedLineIsALineOfItsOwn) {
    expect_entries("[VM]\nCPUs=2\n  Memory=4G\n\tCPU=max\n",
                   {"1 [VM]", "2 [VM] CPUs=2", "3 [VM] Memory=4G", "4 [VM] CPU=max"});
}

TEST(IniTest, CommentsAreWholeLines) {
    expect_entries("# one\n[VM]\n;two\n  # three\nMemory=1G\n#Memory=2G\n",
                   {"2 [VM]", "5 [VM] Memory=1G"});
}

TEST(IniTest, NothingInAValueBeginsAComment) {
    expect_entries("[Boot]\nAppend=root=/dev/vda ; quiet # not\nAppend=;\nAppend=#\n",
                   {"1 [Boot]", "2 [Boot] Append=root=/dev/vda ; quiet # not", "3 [Boot] Append=;",
                    "4 [Boot] Append=#"});
}

TEST(IniTest, ValuesAreLiteral) {
    expect_entries(
        "[VM]\nArguments=\"a b\" 'c' \\x41 %n $HOME a=b=c \\\nCPUs=1\n",
        {"1 [VM]", "2 [VM] Arguments=\"a b\" 'c' \\x41 %n $HOME a=b=c \\", "3 [VM] CPUs=1"});
    expect_entries("[VM]\nDescription=日本 [x] {y}: z\nMemory=\n",
                   {"1 [VM]", "2 [VM] Description=日本 [x] {y}: z", "3 [VM] Memory="});
}

TEST(IniTest, AValueAroundInihsBufferIsWhole) {
    for (std::size_t length = 150; length <= 260; ++length) {
        const std::string value(length, 'x');
        expect_entries("[Boot]\nAppend=" + value + "\nKernel=/k\n",
                       {"1 [Boot]", "2 [Boot] Append=" + value, "3 [Boot] Kernel=/k"});
    }
}

TEST(IniTest, AValueOfFourThousandBytesIsWhole) {
    std::string value;
    while (value.size() < 4000)
        value += fmt::format("a{}=b ;", value.size());
    expect_entries("[Boot]\nAppend=" + value + "\nKernel=/k\n",
                   {"1 [Boot]", "2 [Boot] Append=" + value, "3 [Boot] Kernel=/k"});
}

TEST(IniTest, TheTailOfALongLineIsNoLine) {
    const std::string value = std::string(190, 'x') + "\tMemory=4G [Drive a]";
    expect_entries("[Boot]\nAppend=" + value + "\n", {"1 [Boot]", "2 [Boot] Append=" + value});
    expect_entries("[VM]\n#" + std::string(198, '-') + "Memory=4G\nCPUs=1\n",
                   {"1 [VM]", "3 [VM] CPUs=1"});
    expect_entries(std::string(500, ' ') + "[VM]\n" + std::string(500, ' ') + "CPUs=1\n",
                   {"1 [VM]", "2 [VM] CPUs=1"});
}

TEST(IniTest, ALongSectionNameIsWhole) {
    const std::string name = "X-" + std::string(300, 's');
    expect_entries("[" + name + "]\nA=b\n", {"1 [" + name + "]", "2 [" + name + "] A=b"});
}

TEST(IniTest, TheLastLineNeedsNoEnd) {
    expect_entries("[VM]\nMemory=1G", {"1 [VM]", "2 [VM] Memory=1G"});
    expect_entries("[VM]", {"1 [VM]"});
}

TEST(IniTest, LinesMayEndAsOnWindows) {
    expect_entries("[VM]\r\nMemory=1G\r\n\r\n# c\r\nCPUs=2\r\n",
                   {"1 [VM]", "2 [VM] Memory=1G", "5 [VM] CPUs=2"});
}

TEST(IniTest, AByteOrderMarkIsNoPartOfTheFile) {
    expect_entries("\xef\xbb\xbf[VM]\r\nMemory=1G\r\n", {"1 [VM]", "2 [VM] Memory=1G"});
}

TEST(IniTest, ALineWithoutEqualsIsAnError) {
    expect_error("Memory", "Missing '=' in 'Memory'.");
    expect_error("name: value", "Missing '=' in 'name: value'.");
    expect_error("a\x1b]0;x\x07", "Missing '=' in 'a?]0;x?'.");
    expect_error(std::string(1000, 'a'), "Missing '=' in '" + std::string(60, 'a') + "…'.");
}

TEST(IniTest, AKeyIsLettersDigitsUnderscoreAndDash) {
    expect_error("mac:52:54=1", "'mac:52:54' is not a key.");
    expect_error("=value", "'' is not a key.");
    expect_error("My Key=1", "'My Key' is not a key.");
    expect_error("ä=1", "'ä' is not a key.");
    expect_error("a\x1b=1", "'a?' is not a key.");
    expect_error("a]=1", "'a]' is not a key.");
    expect_entries("[VM]\nX-my_Key9=1\n", {"1 [VM]", "2 [VM] X-my_Key9=1"});
}

TEST(IniTest, AKeyHasAtMostAHundredBytes) {
    const std::string key(100, 'k');
    expect_entries("[VM]\n" + key + "=v\n", {"1 [VM]", "2 [VM] " + key + "=v"});
    expect_error(key + "k=v", "'" + std::string(60, 'k') + "…' is not a key.");
}

TEST(IniTest, BytesThatHaveNoPlaceInAUnitFileAreErrors) {
    expect_error("A=a\x1b[31m", "Control character 0x1b in the value of 'A'.");
    expect_error(std::string("A=a\0b", 5), "Control character 0x00 in the value of 'A'.");
    expect_error("A=a\rb", "Control character 0x0d in the value of 'A'.");
    expect_error("A=\x7f", "Control character 0x7f in the value of 'A'.");
    expect_error("A=\xff", "Invalid UTF-8 in the value of 'A'.");
    expect_error("A=\xc3", "Invalid UTF-8 in the value of 'A'.");
    expect_error("A=\ufffe", "Invalid UTF-8 in the value of 'A'.");
    expect_error(std::string("A\0=b", 4), "'A?' is not a key.");
    expect_entries("[VM]\nA=a\tb\n", {"1 [VM]", "2 [VM] A=a\tb"});
}

TEST(IniTest, CommentsMayHoldAnything) {
    expect_entries(std::string("[VM]\n#\0\x1b\xff\nA=b\n", 14), {"1 [VM]", "3 [VM] A=b"});
}

TEST(IniTest, AfterABrokenHeaderNothingCountsUntilTheNext) {
    const Read result =
        read("[VM]\nCPUs=2\n[Drive root\nFile=/a.img\nFormat=raw\n[Boot]\nKernel=/k\n");
    EXPECT_EQ(result.said,
              Texts{"error: a.ini:3: Missing ']' at the end of the section header '[Drive root'."});
    EXPECT_EQ(result.entries, (Texts{"1 [VM]", "2 [VM] CPUs=2", "6 [Boot]", "7 [Boot] Kernel=/k"}));
}

TEST(IniTest, FaultsBehindABrokenHeaderAreStillReported) {
    EXPECT_EQ(read("[Drive root\nFile\nA=\x01\n").said,
              (Texts{"error: a.ini:1: Missing ']' at the end of the section header '[Drive root'.",
                     "error: a.ini:2: Missing '=' in 'File'.",
                     "error: a.ini:3: Control character 0x01 in the value of 'A'."}));
}

TEST(IniTest, BrokenHeaders) {
    const auto said = [](const std::string &header) {
        return read(header + "\nA=b\n").said;
    };
    EXPECT_EQ(said("[VM] x"),
              Texts{"error: a.ini:1: Missing ']' at the end of the section header '[VM] x'."});
    EXPECT_EQ(said("[VM] # x"),
              Texts{"error: a.ini:1: Missing ']' at the end of the section header '[VM] # x'."});
    EXPECT_EQ(said("["),
              Texts{"error: a.ini:1: Missing ']' at the end of the section header '['."});
    EXPECT_EQ(said("[]"), Texts{"error: a.ini:1: A section header without a name."});
    EXPECT_EQ(said("[ \t]"), Texts{"error: a.ini:1: A section header without a name."});
    EXPECT_EQ(said("[V\x1bM]"),
              Texts{"error: a.ini:1: Control character 0x1b in a section header."});
    EXPECT_EQ(said("[V\xff]"), Texts{"error: a.ini:1: Invalid UTF-8 in a section header."});
}

// Whatever stands there, the message holds nothing that a terminal would obey.
TEST(IniTest, MessagesShowNoControlCharacters) {
    EXPECT_EQ(read("[VM\x1b[2J\rMemory=1G\xff").said,
              Texts{"error: a.ini:1: Missing ']' at the end of the section header "
                    "'[VM?[2J?Memory=1G?'."});
}

TEST(IniTest, KeysBeforeTheFirstHeaderAreReportedOnce) {
    const Read result = read("Memory=1G\nCPUs=2\n[VM]\nCPU=max\n");
    EXPECT_EQ(result.said, Texts{"error: a.ini:1: 'Memory=' stands before any section header."});
    EXPECT_EQ(result.entries, (Texts{"3 [VM]", "4 [VM] CPU=max"}));
}

TEST(IniTest, KeysBeforeTheFirstHeaderAreReportedBehindAnotherErrorToo) {
    EXPECT_EQ(read("garbage\nMemory=1G\n[VM]\n").said,
              (Texts{"error: a.ini:1: Missing '=' in 'garbage'.",
                     "error: a.ini:2: 'Memory=' stands before any section header."}));
}

TEST(IniTest, EveryErrorOfAFileIsReported) {
    EXPECT_EQ(read("[VM]\nMemory\n=1\nA=\x02\n[B\nB=\x03\n[]\nfine=1\n").said,
              (Texts{"error: a.ini:2: Missing '=' in 'Memory'.", "error: a.ini:3: '' is not a key.",
                     "error: a.ini:4: Control character 0x02 in the value of 'A'.",
                     "error: a.ini:5: Missing ']' at the end of the section header '[B'.",
                     "error: a.ini:6: Control character 0x03 in the value of 'B'.",
                     "error: a.ini:7: A section header without a name."}));
}

TEST(IniTest, AFileOfErrorsIsNotReadToItsEnd) {
    std::string text = "[VM]\n";
    for (int i = 0; i < 100; ++i)
        text += "x\n";
    EXPECT_EQ(read(text + "A=b\n").said.size(), 100u);
    EXPECT_EQ(read(text + "A=b\n").entries.size(), 2u);

    const Read result = read(text + "x\nx\nA=b\n");
    ASSERT_EQ(result.said.size(), 101u);
    EXPECT_EQ(result.said.back(),
              "error: a.ini:102: More than 100 errors; the rest of the file is not read.");
    EXPECT_EQ(result.entries, Texts{"1 [VM]"});
}

TEST(IniTest, WhateverTheBytesWhatComesOutIsClean) {
    testing::RandomText random(1);
    for (int i = 0; i < 2000; ++i) {
        std::string text = "[VM]\n";
        for (std::size_t line = random.below(8); line > 0; --line) {
            static constexpr std::string_view kBegins[] = {"A=", "[", "[B ",         " ",
                                                           "#",  "",  "\xef\xbb\xbf"};
            text += kBegins[random.below(std::size(kBegins))];
            text += random.below(2) != 0 ? random.word() : random.bytes(random.below(12));
            text += random.below(3) != 0 ? "\n" : "]\r\n";
        }
        Diagnostics diagnostics;
        const IniFile file = parse_ini("a.ini", text, diagnostics);
        const auto lines = static_cast<unsigned>(std::ranges::count(text, '\n')) + 1;
        for (const IniEntry &entry : file.entries) {
            EXPECT_EQ(text_fault(entry.section), "");
            EXPECT_FALSE(entry.section.empty());
            EXPECT_EQ(text_fault(entry.value), "");
            EXPECT_EQ(trim(entry.value), entry.value);
            EXPECT_TRUE(entry.line >= 1 && entry.line <= lines);
        }
        for (const Diagnostic &d : diagnostics) {
            EXPECT_EQ(text_fault(d.message), "") << d.message;
            EXPECT_TRUE(d.where.line >= 1 && d.where.line <= lines);
        }
    }
}

}  // namespace
}  // namespace qemunit::generator
