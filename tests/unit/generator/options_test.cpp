// SPDX-License-Identifier: MIT
#include "generator/options.h"

#include <gtest/gtest.h>

namespace qemunit::generator {
namespace {

using Mode = GeneratorOptions::Mode;
using Words = std::vector<std::string>;

GeneratorOptions options(const Words &words) {
    const auto parsed = parse_generator_options(words);
    EXPECT_TRUE(parsed);
    return parsed.value_or(GeneratorOptions{});
}

std::string fault(const Words &words) {
    const auto parsed = parse_generator_options(words);
    return parsed ? "" : parsed.error().message;
}

TEST(GeneratorOptionsTest, OneOrThreeDirectories) {
    for (const Words &words : {Words{"/a"}, Words{"/a", "/b", "/c"}}) {
        EXPECT_EQ(options(words).mode, Mode::generate);
        EXPECT_EQ(options(words).output, "/a");
        EXPECT_EQ(options(words).root, "");
    }
    EXPECT_EQ(fault({}), "takes one or three directories, not 0; see --help");
    EXPECT_EQ(fault({"/a", "/b"}), "takes one or three directories, not 2; see --help");
    EXPECT_EQ(fault({"/a", "/b", "/c", "/d"}), "takes one or three directories, not 4; see --help");
}

TEST(GeneratorOptionsTest, TheUsersOwnVms) {
    EXPECT_FALSE(options({"/a"}).user);
    EXPECT_TRUE(options({"--user", "/a"}).user);
    EXPECT_TRUE(options({"--dry-run", "--user"}).user);
    EXPECT_EQ(options({"--check", "--user", "a.ini"}).arguments, Words{"a.ini"});
}

TEST(GeneratorOptionsTest, ForARun) {
    EXPECT_EQ(options({"--run", "12345678"}).mode, Mode::print_run);
    EXPECT_EQ(options({"--run", "12345678", "--user"}).arguments, Words{"12345678"});
    EXPECT_EQ(fault({"--run"}), "--run needs the name of one VM");
}

TEST(GeneratorOptionsTest, TheRootHasNoSlashAtItsEnd) {
    EXPECT_EQ(options({"--root=/x/y", "/a"}).root, "/x/y");
    EXPECT_EQ(options({"--root=/x/", "/a"}).root, "/x");
    EXPECT_EQ(options({"--root=/", "/a"}).root, "");
    EXPECT_EQ(options({"--root=", "/a"}).root, "");
    EXPECT_EQ(options({"/a", "--root=/x"}).root, "/x");
}

TEST(GeneratorOptionsTest, DryRunTakesNoDirectory) {
    EXPECT_EQ(options({"--dry-run"}).mode, Mode::dry_run);
    EXPECT_EQ(options({"--root=/x", "--dry-run"}).root, "/x");
    EXPECT_EQ(fault({"--dry-run", "/a"}),
              "--dry-run takes no directory: it writes to standard output");
}

TEST(GeneratorOptionsTest, CheckTakesFiles) {
    EXPECT_EQ(options({"--check", "a.ini", "b.ini"}).mode, Mode::check);
    EXPECT_EQ(options({"--check", "a.ini", "b.ini"}).arguments, (Words{"a.ini", "b.ini"}));
    EXPECT_EQ(fault({"--check"}), "--check needs the ini files to check");
}

TEST(GeneratorOptionsTest, ExplainTakesOneName) {
    EXPECT_EQ(options({"--explain", "vm1"}).mode, Mode::explain);
    EXPECT_EQ(options({"--explain", "vm1"}).arguments, Words{"vm1"});
    EXPECT_EQ(fault({"--explain"}), "--explain needs the name of one VM");
    EXPECT_EQ(fault({"--explain", "a", "b"}), "--explain needs the name of one VM");
}

TEST(GeneratorOptionsTest, HelpAndVersion) {
    EXPECT_EQ(options({"--help"}).mode, Mode::help);
    EXPECT_EQ(options({"-h"}).mode, Mode::help);
    EXPECT_EQ(options({"--version"}).mode, Mode::version);
}

TEST(GeneratorOptionsTest, UnknownOptions) {
    for (const char *word : {"--nonsense", "-x", "-", "--root", "--check=x"})
        EXPECT_EQ(fault({word, "/a"}), "unknown option '" + std::string(word) + "'; see --help");
    EXPECT_EQ(fault({"--checkk"}), "unknown option '--checkk'. Did you mean '--check'?");
}

TEST(GeneratorOptionsTest, BehindTwoDashesEverythingIsAnArgument) {
    EXPECT_EQ(options({"--check", "--", "--odd.ini", "-h"}).arguments, (Words{"--odd.ini", "-h"}));
    EXPECT_EQ(options({"--", "-out"}).output, "-out");
}

TEST(GeneratorOptionsTest, HelpNamesEveryOption) {
    const std::string help = generator_help();
    for (const char *option :
         {"--dry-run", "--check", "--explain", "--root=", "--help", "--version"})
        EXPECT_NE(help.find(option), help.npos) << option;
}

}  // namespace
}  // namespace qemunit::generator
