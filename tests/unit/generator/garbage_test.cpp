// SPDX-License-Identifier: MIT
//
// The whole generator on files that are no ini files, between two that are: these become
// units all the same, in little memory, and the other is named with what is wrong with it.
// Byte order marks, Windows' line ends and the missing last one are in tests/golden.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <sstream>

#include "common/paths.h"
#include "generator/vm/text.h"
#include "tests/unit/program.h"
#include "tests/unit/random_text.h"
#include "tests/unit/sanitized.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

// The shadow of AddressSanitizer alone has terabytes.
constexpr std::size_t kAddressSpace = testing::kSanitized ? 0 : 64 << 20;

constexpr std::size_t kLargestFile = 1 << 20;

class GarbageTest : public ::testing::Test {
  protected:
    GarbageTest() {
        write("a.ini", "[VM]\n");
        write("z.ini", "[VM]\n");
        chmod(folder.make_folder("out").c_str(), 0777);  // one test writes as nobody
    }
    void write(const std::string &file, std::string_view text) const {
        folder.write("root/etc/qemunit/" + file, text);
    }

    // Returns what it says, one file's path as FILE.
    std::string generate(const std::string &file = "m.ini", bool unprivileged = false) const {
        const auto result =
            testing::run_program({QEMUNIT_GENERATOR, "--root=" + (folder / "root"), folder / "out"},
                                 {.address_space = kAddressSpace, .unprivileged = unprivileged});
        EXPECT_EQ(result.exit_code, 1);
        EXPECT_EQ(result.output, "");
        const std::string path = folder / ("root/etc/qemunit/" + file);
        std::string said;
        std::string_view rest = result.errors;
        for (std::size_t at; (at = rest.find(path)) != rest.npos;
             rest.remove_prefix(at + path.size()))
            said.append(rest.substr(0, at)).append("FILE");
        return said.append(rest);
    }
    void expect_only_the_good_ones() const {
        for (const std::string vm : {"a", "z"}) {
            const std::string unit = folder.read("out/qemu@" + vm + ".service.d/50-qemunit.conf");
            EXPECT_NE(unit.find("ExecStart="), unit.npos) << vm;
        }
        const auto is_unit = [](const auto &entry) {
            return entry.path().filename() != kBrokenVmsFolder;
        };
        const std::filesystem::directory_iterator out(folder / "out");
        EXPECT_EQ(std::count_if(begin(out), end(out), is_unit), 2);
    }

    testing::TemporaryFolder folder;
};

TEST_F(GarbageTest, Noise) {
    testing::RandomText random(15);
    write("m.ini", random.bytes(kLargestFile));
    std::istringstream lines(generate());
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        EXPECT_TRUE(line.starts_with("FILE:")) << line;
        EXPECT_EQ(text_fault(line), "") << line;
        EXPECT_LT(line.size(), 500u) << line;
    }
    EXPECT_EQ(count, 101);  // the last: that the rest is not read
    expect_only_the_good_ones();
}

TEST_F(GarbageTest, AHundredMegabytes) {
    write("m.ini", "");
    std::filesystem::resize_file(folder / "root/etc/qemunit/m.ini", 100'000'000);
    EXPECT_EQ(generate(), "FILE: Larger than 1048576 bytes; this is no ini file.\n");
    expect_only_the_good_ones();
}

TEST_F(GarbageTest, NothingButNul) {
    write("m.ini", std::string(kLargestFile, '\0'));
    EXPECT_EQ(generate(), "FILE:1: Missing '=' in '" + std::string(60, '?') + "…'.\n");
    expect_only_the_good_ones();
}

TEST_F(GarbageTest, ANulInAValue) {
    write("m.ini", std::string_view("[VM]\nDescription=a\0b\n", 21));
    EXPECT_EQ(generate(), "FILE:2: Control character 0x00 in the value of 'Description'.\n");
    expect_only_the_good_ones();
}

TEST_F(GarbageTest, OneLineAsLongAsAFileMayBe) {
    write("m.ini", std::string(kLargestFile, 'x'));
    EXPECT_EQ(generate(), "FILE:1: Missing '=' in '" + std::string(60, 'x') + "…'.\n");
    expect_only_the_good_ones();
}

// Each of these is compared with all others, or with all that it could have meant to be.
TEST_F(GarbageTest, AsMuchAsAFileMayHold) {
    std::string drives, typos = "[VM]\n";
    for (std::size_t i = 0; drives.size() < kLargestFile - 20; ++i)
        drives += "[Drive d" + std::to_string(i) + "]\n";
    while (typos.size() < kLargestFile - 20)
        typos += "a=\n";
    write("m.ini", drives + "x\n");
    const std::string end =
        "\nFILE:10001: More than 10000 sections and keys; the rest of the file is not read.\n";
    std::string said = generate();
    EXPECT_TRUE(said.starts_with("FILE:1: Section [Drive d0] has no File=: which image is it?\n"));
    EXPECT_NE(said.find("\nFILE:257: More than 256 devices; no machine has room for them.\n"),
              said.npos);
    EXPECT_TRUE(said.ends_with(end));
    expect_only_the_good_ones();
    write("m.ini", typos + "x\n");
    said = generate();
    EXPECT_TRUE(said.ends_with(
        "\nFILE:101: There are more warnings about this VM; they are not shown." + end))
        << said.substr(said.size() - std::min<std::size_t>(said.size(), 400));
    expect_only_the_good_ones();
}

TEST_F(GarbageTest, AFolder) {
    folder.make_folder("root/etc/qemunit/m.ini");
    EXPECT_EQ(generate(), "FILE: Not a regular file.\n");
    expect_only_the_good_ones();
}

TEST_F(GarbageTest, AFifo) {
    ASSERT_EQ(mkfifo((folder / "root/etc/qemunit/m.ini").c_str(), 0600), 0);
    EXPECT_EQ(generate(), "FILE: Not a regular file.\n");
    expect_only_the_good_ones();
}

TEST_F(GarbageTest, ALoopOfLinks) {
    folder.link("root/etc/qemunit/m.ini", "m.ini");
    EXPECT_EQ(generate(),
              "FILE: Cannot read the file: it is a link to m.ini: Too many levels of symbolic "
              "links.\n");
    expect_only_the_good_ones();
}

TEST_F(GarbageTest, AFileOfSomebodyElse) {
    if (testing::run_program({QEMUNIT_GENERATOR, "--version"}, {.unprivileged = true}).exit_code !=
        0)
        GTEST_SKIP() << "nobody may not run " << QEMUNIT_GENERATOR;
    write("m.ini", "[VM]\n");
    ASSERT_EQ(chmod((folder / "root/etc/qemunit/m.ini").c_str(), 0), 0);
    EXPECT_EQ(generate("m.ini", true), "FILE: Cannot read the file: Permission denied.\n");
    expect_only_the_good_ones();
}

TEST_F(GarbageTest, ADropInSpoilsItsVmAlone) {
    write("m.ini", "[VM]\n");
    write("m.ini.d/10.conf", "\xff\xfe[\0V\0M\0]\0");
    EXPECT_EQ(generate("m.ini.d/10.conf"), "FILE:1: Missing '=' in '??['.\n");
    expect_only_the_good_ones();
}

TEST_F(GarbageTest, TenThousandFiles) {
    constexpr int kFiles = 10'000;
    write("m.ini", "x");
    const std::string folder_of_inis = folder / "root/etc/qemunit/";
    for (int i = 1; i < kFiles; ++i)  // links, as file systems are slow to make so many files
        std::filesystem::create_hard_link(folder_of_inis + "m.ini",
                                          folder_of_inis + "m" + std::to_string(i) + ".ini");
    const std::string said = generate();
    EXPECT_EQ(std::ranges::count(said, '\n'), kFiles);
    EXPECT_NE(said.find("/m9999.ini:1: Missing '=' in 'x'.\n"), said.npos);
    expect_only_the_good_ones();
}

}  // namespace
}  // namespace qemunit::generator
