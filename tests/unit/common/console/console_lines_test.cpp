// SPDX-License-Identifier: MIT
//
// What a guest may send -> the lines that a person would have seen.
#include "common/console/console_lines.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "generator/vm/text.h"
#include "tests/unit/random_text.h"

namespace qemunit {
namespace {

using Lines = std::vector<std::string>;

// Fed in pieces of `step` bytes; what is left at the end is flushed.
Lines lines(std::string_view bytes, std::size_t step = std::string_view::npos) {
    Lines result;
    ConsoleLines console([&](const std::string &line) { result.push_back(line); });
    while (!bytes.empty()) {
        const std::size_t size = std::min(step, bytes.size());
        console.feed(bytes.substr(0, size));
        bytes.remove_prefix(size);
    }
    console.flush_partial();
    return result;
}

// The same whole, and cut anywhere in two, and byte by byte.
void expect_lines(std::string_view bytes, const Lines &expected) {
    EXPECT_EQ(lines(bytes), expected);
    EXPECT_EQ(lines(bytes, 1), expected);
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
        Lines result;
        ConsoleLines console([&](const std::string &line) { result.push_back(line); });
        console.feed(bytes.substr(0, cut));
        console.feed(bytes.substr(cut));
        console.flush_partial();
        EXPECT_EQ(result, expected) << "cut at " << cut;
    }
}

TEST(ConsoleLinesTest, LinesEndInAnyWayThatConsolesEndThem) {
    expect_lines("one\ntwo\r\nthree\r\r\nfour\n\r", {"one", "two", "three", "four"});
    expect_lines("no end", {"no end"});
    expect_lines("", {});
}

TEST(ConsoleLinesTest, EmptyLinesAreLines) {
    expect_lines("\n\r\na\n\n", {"", "", "a", ""});
}

TEST(ConsoleLinesTest, ABareCarriageReturnOverwrites) {
    expect_lines("  5%\r 10%\r100%\n", {"100%"});
    expect_lines("longer\rab\n", {"abnger"});
    expect_lines("text\r\n", {"text"});
    expect_lines("\rtext\r", {"text"});
}

TEST(ConsoleLinesTest, ABackspaceMovesBackAndWipesNothing) {
    expect_lines("abc\b\bX\n", {"aXc"});
    expect_lines("abc\b \b\n", {"ab "});
    expect_lines("\b\b\ba\n", {"a"});
    expect_lines("a\b\b\b\bb\n", {"b"});
}

TEST(ConsoleLinesTest, TabsStayTabs) {
    expect_lines("a\tb\t\n", {"a\tb\t"});
    expect_lines("\t\n", {"\t"});
}

TEST(ConsoleLinesTest, OtherControlCharactersLeaveNoMark) {
    expect_lines(std::string_view("a\0b\ac\x01\x7f\x0e\x0f\vd\fe\n", 14), {"abcde"});
    expect_lines("\a\a", {});
}

TEST(ConsoleLinesTest, ColoursAndModesLeaveNoMark) {
    expect_lines("\x1b[1;32m[  OK  ]\x1b[0m Started \x1b[38;5;185mx\x1b[m.\r\n",
                 {"[  OK  ] Started x."});
    expect_lines("\x1b[?2004h$ \x1b[?25l\x1b[=3h\x1b[>c\x1b[!p\x1b[6n\x1b[1 qls\n", {"$ ls"});
    expect_lines(
        "\x1b(B\x1b)0\x1b#8\x1b%Ga\x1b=\x1b>\x1b"
        "7\x1b"
        "8\x1b"
        "c\x1bMb\n",
        {"ab"});
}

TEST(ConsoleLinesTest, TitlesAndOtherStringsLeaveNoMark) {
    expect_lines("\x1b]0;root@vm: ~\aprompt\n", {"prompt"});
    expect_lines("\x1b]0;root@vm: ~\x1b\\prompt\n", {"prompt"});
    expect_lines("a\x1bP1$tx\x1b\\b\x1bXx\x1b\\c\x1b^x\x1b\\d\x1b_x\x1b\\e\n", {"abcde"});
    expect_lines("\x1b]8;;http://x/\x1b\\link\x1b]8;;\x1b\\\n", {"link"});
    expect_lines("\x1b]2;ä日\xff\x01\aok\n", {"ok"});
}

TEST(ConsoleLinesTest, ASequenceInAStringEndsIt) {
    expect_lines("\x1b]0;title\x1b[1mbold\n", {"bold"});
    expect_lines("\x1b]0;a\x1b]0;b\aok\n", {"ok"});
}

TEST(ConsoleLinesTest, AnUnfinishedStringEndsWithItsLine) {
    expect_lines("\x1b]0;title\nnext\n", {"", "next"});
    expect_lines("text\x1b]0;title\r\nnext\n", {"text", "next"});
}

TEST(ConsoleLinesTest, AnEndlessStringEndsSomewhere) {
    const Lines result = lines("\x1b]" + std::string(100'000, 'x') + "\nnext\n");
    ASSERT_FALSE(result.empty());
    EXPECT_EQ(result.back(), "next");
    std::size_t shown = 0;
    for (const std::string &line : result)
        shown += line.size();
    EXPECT_GT(shown, 90'000u);
}

TEST(ConsoleLinesTest, AnEscapeSequenceOfTwoLines) {
    expect_lines("a\x1b\nb\n", {"a", "b"});
    expect_lines("a\x1b[31\nb\n", {"a", "b"});
    expect_lines("a\x1b(\nb\n", {"a", "b"});
    expect_lines("a\x1b", {"a"});
    expect_lines("a\x1b[", {"a"});
}

TEST(ConsoleLinesTest, AnEscapeInASequenceBeginsAnew) {
    expect_lines("\x1b[3\x1b[1mx\x1b\x1b[1my\x1b(\x1b[1mz\n", {"xyz"});
}

TEST(ConsoleLinesTest, TextBehindABrokenSequenceIsShown) {
    expect_lines("\x1b[12ä\n", {"ä"});
    expect_lines("\x1bä\n", {"ä"});
    expect_lines("\x1b(ä\n", {"ä"});
    expect_lines("\x1b[12\xff!\n", {"\ufffd!"});
}

TEST(ConsoleLinesTest, AnEndlessSequenceIsNone) {
    const Lines result = lines("\x1b[" + std::string(1000, '1') + "\nnext\n");
    ASSERT_EQ(result.size(), 2u);
    EXPECT_EQ(result[0].find_first_not_of('1'), result[0].npos);
    EXPECT_GT(result[0].size(), 900u);
    EXPECT_EQ(result[1], "next");
}

TEST(ConsoleLinesTest, ErasingInTheLine) {
    expect_lines("abcdef\r\x1b[K\n", {""});
    expect_lines("abcdef\x1b[3D\x1b[K\n", {"abc"});
    expect_lines("abcdef\x1b[3D\x1b[0K\n", {"abc"});
    expect_lines("abcdef\x1b[3D\x1b[1K\n", {"    ef"});
    expect_lines("abcdef\x1b[3D\x1b[2Kx\n", {"   x"});
    expect_lines("abcdef\r\x1b[Jx\n", {"x"});
    expect_lines("100%\r\x1b[K50%\n", {"50%"});
}

TEST(ConsoleLinesTest, MovingInTheLine) {
    expect_lines("abc\x1b[2DX\n", {"aXc"});
    expect_lines("abc\x1b[DX\n", {"abX"});
    expect_lines("abc\x1b[0DX\n", {"abX"});
    expect_lines("abc\x1b[99DX\n", {"Xbc"});
    expect_lines("a\x1b[3Cb\n", {"a   b"});
    expect_lines("a\x1b[Cb\n", {"a b"});
    expect_lines("abc\x1b[GX\n", {"Xbc"});
    expect_lines("abc\x1b[2GX\n", {"aXc"});
    expect_lines("a\x1b[5Gb\n", {"a   b"});
    expect_lines("abc\x1b[0GX\n", {"Xbc"});
}

TEST(ConsoleLinesTest, EditingInTheLine) {
    expect_lines("abcdef\r\x1b[2P\n", {"cdef"});
    expect_lines("abcdef\x1b[3D\x1b[P\n", {"abcef"});
    expect_lines("abc\r\x1b[2@XY\n", {"XYabc"});
    expect_lines("abc\x1b[D\x1b[@X\n", {"abXc"});
    expect_lines("abcdef\r\x1b[2X\n", {"  cdef"});
    expect_lines("abcdef\x1b[2D\x1b[99X\n", {"abcd  "});
    expect_lines("abc\x1b[9P\x1b[9X\x1b[9@\n", {"abc"});
    expect_lines("abc\x1b[9C\x1b[9P\x1b[9X\x1b[9@\x1b[K\n", {"abc"});
    expect_lines("abc\x1b[9C\x1b[1K!\n", {"            !"});
}

TEST(ConsoleLinesTest, LeavingTheLineEndsIt) {
    expect_lines("one\x1b[5;1Htwo\x1b[Hthree\n", {"one", "two", "three"});
    for (const char *move : {"\x1b[A", "\x1b[2B", "\x1b[E", "\x1b[F", "\x1b[3;4f", "\x1b[4d"})
        expect_lines(std::string("one") + move + "two\n", {"one", "two"});
    expect_lines("one\x1b[2Jtwo\n", {"one", "two"});
    expect_lines("one\x1b[3Jtwo\n", {"one", "two"});
    expect_lines("one\n\x1b[2J\x1b[H\x1b[3Jtwo\n", {"one", "two"});
}

TEST(ConsoleLinesTest, PaintedBlanksAndSidesOfFramesAreNoLines) {
    expect_lines("   \x1b[2;1H  a  \x1b[3;1H|\x1b[3;79H│\x1b[4;1H|b|\x1b[2J", {"  a", "|b|"});
    expect_lines("   \n|\n\x1b[5;1H \n", {"   ", "|", " "});
    // GRUB 2.06 on a serial line, as Debian configures it for the cloud; its menu cut to two rows.
    expect_lines(
        "\x1b[H\x1b[J\x1b[1;1H\x1b[?25l\x1b[m\x1b[H\x1b[J\x1b[1;1H\x1b[2;24HGNU GRUB  version "
        "2.06-13+deb12u2\n\r\n\r\x1b[m\x1b[4;2H+------+\x1b[5;2H|\x1b[5;79H|\x1b[6;2H|\x1b[6;79H|"
        "\x1b[17;2H+------+\x1b[m\x1b[18;2H\x1b[19;2H\x1b[m     Use the ^ and v keys to select "
        "which "
        "entry is highlighted.          \n\r      before booting or `c' for a command-line.    "
        "\x1b[5;80H \x1b[7m\x1b[5;3H*Debian GNU/Linux      \x1b[m\x1b[5;78H\x1b[m\x1b[m\x1b[6;3H "
        "Advanced "
        "options      \x1b[m\x1b[6;78H\x1b[m\x1b[m\x1b[7;3H           "
        "\x1b[m\x1b[7;78H\x1b[m\x1b[16;80H \x1b["
        "5;78H\x1b[22;1H   The highlighted entry will be executed automatically in 5s.      "
        "\x1b[5;78H",
        {"GNU GRUB  version 2.06-13+deb12u2", "", "+------+", "+------+",
         "     Use the ^ and v keys to select which entry is highlighted.          ",
         "      before booting or `c' for a command-line.", "*Debian GNU/Linux",
         " Advanced options", "   The highlighted entry will be executed automatically in 5s."});
}

TEST(ConsoleLinesTest, HugeParametersDoNoHarm) {
    for (const char *final : {"C", "D", "G", "P", "@", "X", "K", "J", "m", "H"})
        for (const char *number : {"4294967296", "18446744073709551615", "99999999999999999999999",
                                   "-1", ";;;;", "1;2;3;4;5;6;7;8"}) {
            const std::string bytes = std::string("abc\r\x1b[") + number + final + "x\n";
            for (const std::string &line : lines(bytes))
                EXPECT_LE(line.size(), 16u * 1024) << bytes;
        }
    EXPECT_EQ(lines("ab\x1b[20000Cc\nd\n").back(), "d");
}

TEST(ConsoleLinesTest, Utf8IsText) {
    expect_lines("äöü 日本語 😀 é\n", {"äöü 日本語 😀 é"});
    expect_lines("日本\r語\n", {"語本"});
    expect_lines("日本\bX\n", {"日X"});
}

TEST(ConsoleLinesTest, WhatIsNotUtf8IsReplaced) {
    expect_lines(
        "a\xff"
        "b\n",
        {"a\ufffdb"});
    expect_lines("\xc3(\n", {"\ufffd("});
    expect_lines("\xe2\x82(\n", {"\ufffd("});
    expect_lines("\xf0\x9f\x98\n", {"\ufffd"});
    expect_lines("\xe2\x82\xe2\x82\xac\n", {"\ufffd€"});
    expect_lines("\xc3\xc3\xa4\n", {"\ufffdä"});
    expect_lines("\x80\xbf\n", {"\ufffd\ufffd"});
    expect_lines("\xc0\xaf\n", {"\ufffd\ufffd"});
    expect_lines("\xe0\x80\xaf\n", {"\ufffd"});
    expect_lines("\xed\xa0\x80\n", {"\ufffd"});
    expect_lines("\xf4\x90\x80\x80\n", {"\ufffd"});
    expect_lines("\xef\xbf\xbe\n", {"\ufffd"});
    expect_lines("\xc3\x1b[1mx\n", {"\ufffdx"});
    expect_lines("\xc3\r\n", {"\ufffd"});
}

TEST(ConsoleLinesTest, ControlCharactersOfTheSecondSetLeaveNoMark) {
    expect_lines("a\u0080\u0085\u009fb\n", {"ab"});
    expect_lines("a\u00a0b\n", {"a\u00a0b"});
}

TEST(ConsoleLinesTest, ALongLineIsCutAndNotLost) {
    constexpr std::size_t kMax = 16 * 1024;
    const std::string text(2 * kMax + 100, 'x');
    EXPECT_EQ(lines(text + "\nnext\n"), (Lines{std::string(kMax, 'x'), std::string(kMax, 'x'),
                                               std::string(100, 'x'), "next"}));
    EXPECT_EQ(lines(text, 7), lines(text));

    std::string wide;
    for (std::size_t i = 0; i < kMax + 1; ++i)
        wide += "日";
    EXPECT_EQ(lines(wide).size(), 2u);
    EXPECT_EQ(lines(wide)[0].size(), 3 * kMax);
}

TEST(ConsoleLinesTest, ALineThatIsFullHasNoEmptyLineBehindIt) {
    const std::string full(16 * 1024, 'x');
    EXPECT_EQ(lines(full).size(), 1u);
}

TEST(ConsoleLinesTest, APartialLineIsTakenWhenItIsAskedFor) {
    Lines result;
    ConsoleLines console([&](const std::string &line) { result.push_back(line); });
    EXPECT_FALSE(console.has_partial());
    console.flush_partial();
    EXPECT_EQ(result, Lines{});

    console.feed("login: ");
    EXPECT_TRUE(console.has_partial());
    console.flush_partial();
    EXPECT_FALSE(console.has_partial());
    EXPECT_EQ(result, Lines{"login: "});

    console.feed("root\r\n");
    EXPECT_FALSE(console.has_partial());
    EXPECT_EQ(result, (Lines{"login: ", "root"}));
}

TEST(ConsoleLinesTest, NothingVisibleIsNoPartialLine) {
    ConsoleLines console([](const std::string &) {});
    for (const char *bytes : {"\x1b[1m", "\r", "\b", "\a", "\x1b]0;title\a", "\x1b[5C", "\x1b"}) {
        console.feed(bytes);
        EXPECT_FALSE(console.has_partial()) << bytes;
    }
    console.feed("[mx");
    EXPECT_TRUE(console.has_partial());
}

TEST(ConsoleLinesTest, ASequenceMayGoOnBehindATakenLine) {
    Lines result;
    ConsoleLines console([&](const std::string &line) { result.push_back(line); });
    console.feed("prompt\x1b[3");
    console.flush_partial();
    console.feed("1mred\n");
    EXPECT_EQ(result, (Lines{"prompt", "red"}));
}

TEST(ConsoleLinesTest, ALinuxBootAndAShellWithCompletion) {
    expect_lines(
        "\x1b[c\x1b[?7l\x1b[2J\x1b[0mSeaBIOS (version 1.16)\r\n"
        "[    0.000000] Linux version 6.1\r\n"
        "\x1b[K[\x1b[0;1;31m*     \x1b[0m] A job is running (1s)\r"
        "\x1b[K[\x1b[0;1;31m**    \x1b[0m] A job is running (2s)\r"
        "\x1b[K[\x1b[0;32m  OK  \x1b[0m] Finished\r\n"
        "\x1b[?2004hroot@vm:~# lss\b\x1b[K -l\r\n\x1b[?2004l",
        {"SeaBIOS (version 1.16)", "[    0.000000] Linux version 6.1", "[  OK  ] Finished",
         "root@vm:~# ls -l"});
}

// As bash 5.2 and systemd 252 of Debian 12 print them on ttyS0, with TERM=vt220.
TEST(ConsoleLinesTest, ADebianLoginAndItsShell) {
    expect_lines(
        "\r\n\r\nDebian GNU/Linux 12 vm1 ttyS0\r\n\r\nvm1 login: root\r\r\n"
        "\x1b[?2004hroot@vm1:~# progress\r\n\x1b[?2004l\r\rWorking   5% [#  ]\rWorking  10% [## "
        "]\r\n"
        "\x1b[?2004hroot@vm1:~# echo  tab "
        "completed\r\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b[C\x1b["
        "C\x1b[C\x1b[C\x1b[11Pprogress^C\x1b[?2004l\r\x1b[?2004h\x1b[?2004l\r\r\n"
        "\x1b[?2004hroot@vm1:~# some more\b\x1b[K\b\x1b[K\r\n\x1b[?2004l\r"
        "[\x1b[0;1;31mFAILED\x1b[0m] Failed to start \x1b[0;1;39mbroken.service\x1b[0m - X.\r\r\n"
        "BIOS-e820: [mem 0x000000000009fb\x1b[m\x1b[7m>\x1b[27m\r\n\x1b[7mlines "
        "1-23\x1b[27m\x1b[K\r"
        "\x1b[Klast\r\n\x1b]0;title\a\x1b[31mred\x1b[0m \x1b[6n\r\n",
        {"", "", "Debian GNU/Linux 12 vm1 ttyS0", "", "vm1 login: root", "root@vm1:~# progress",
         "Working  10% [## ]", "root@vm1:~# progress^C", "root@vm1:~# some mo",
         "[FAILED] Failed to start broken.service - X.", "BIOS-e820: [mem 0x000000000009fb>",
         "last", "red "});
}

// What journald takes for text; anything else it stores as a blob.
bool is_journal_text(const std::string &line) {
    for (std::size_t i = 0; i + 1 < line.size(); ++i)
        if (line[i] == '\xc2' && static_cast<unsigned char>(line[i + 1]) < 0xa0)
            return false;
    return generator::text_fault(line).empty();
}

std::string random_console(testing::RandomText &random) {
    static constexpr std::string_view kPieces[] = {
        "\x1b", "[", "]",    "(",    "\x1b[", "\x1b]", "\x1bP", "\x1b\\", ";",        "1",
        "99",   "m", "K",    "J",    "C",     "D",     "G",     "P",      "@",        "X",
        "H",    "A", "\r",   "\n",   "\b",    "\t",    "\a",    "abc",    "ä",        "日",
        "😀",   "?", "\xc3", "\xe2", "\x82",  "\xf0",  "\xff",  "\x80",   "\x1b[10C", "\u0085",
    };
    std::string bytes;
    for (std::size_t n = random.below(60); n > 0; --n)
        bytes += random.below(4) == 0 ? random.bytes(random.below(4))
                                      : std::string(kPieces[random.below(std::size(kPieces))]);
    return bytes;
}

TEST(ConsoleLinesTest, WhateverComesLinesAreTextForTheJournal) {
    testing::RandomText random(9);
    for (int i = 0; i < 5000; ++i) {
        const std::string bytes = random_console(random);
        for (const std::string &line : lines(bytes))
            EXPECT_TRUE(is_journal_text(line)) << line;
    }
    for (const std::string &line : lines(random.bytes(500'000)))
        EXPECT_TRUE(is_journal_text(line));
}

TEST(ConsoleLinesTest, WhereTheBytesAreCutDoesNotMatter) {
    testing::RandomText random(10);
    for (int i = 0; i < 3000; ++i) {
        const std::string bytes = random_console(random);
        const Lines whole = lines(bytes);
        EXPECT_EQ(lines(bytes, 1), whole);
        EXPECT_EQ(lines(bytes, 1 + random.below(7)), whole);
    }
}

TEST(ConsoleLinesTest, PlainTextComesOutAsItWentIn) {
    testing::RandomText random(11);
    std::string bytes;
    Lines expected;
    for (int i = 0; i < 2000; ++i) {
        std::string line;
        for (std::size_t n = random.below(200); n > 0; --n)
            line += static_cast<char>(' ' + random.below(95));
        bytes += line + "\r\n";
        expected.push_back(line);
    }
    EXPECT_EQ(lines(bytes), expected);
    EXPECT_EQ(lines(bytes, 1000), expected);
}

}  // namespace
}  // namespace qemunit
