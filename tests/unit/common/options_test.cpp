// SPDX-License-Identifier: MIT
#include "common/options.h"

#include <gtest/gtest.h>

namespace qemunit {
namespace {

using Words = std::vector<std::string>;

struct Asked {
    enum class Mode { run, help, version } mode = Mode::run;
    bool loud = false;
    std::string host;
    Words paths;
    std::size_t length = 0;
    std::vector<std::size_t> lengths;
};

Result<std::size_t> length_of(std::string_view text) {
    if (text.empty())
        return fail(EINVAL, "nothing to measure");
    return text.size();
}

constexpr Option<Asked> kAskedOptions[] = {
    {{.name = "--loud", .help = "With noise"}, set_to<&Asked::loud>},
    {{.letter = 'H',
      .name = "--host",
      .value = "HOST",
      .wanted = "the name of a host",
      .help = "Over there"},
     set_text<&Asked::host>},
    {{.name = "--path", .value = "PATH", .help = "What to open,\nand more"},
     add_text<&Asked::paths>},
    {{.name = "--with-a-long-name", .help = "On the next line"}, set_to<&Asked::loud, false>},
    {{.name = "--maybe", .value = "PATH", .value_is_optional = true},
     add_text<&Asked::paths>},
    {{.name = "--length", .value = "WORD"}, set_parsed<&Asked::length, length_of>},
    {{.name = "--lengths", .value = "WORD"}, add_parsed<&Asked::lengths, length_of>},
    {kHelpOption, set_to<&Asked::mode, Asked::Mode::help>, true},
    {kVersionOption, set_to<&Asked::mode, Asked::Mode::version>, true},
};

struct Outcome {
    Asked asked;
    Words operands;
    std::string fault;
};

Outcome outcome_of(const Words &words, Operands where = Operands::anywhere) {
    Outcome outcome;
    auto operands = take_options(kAskedOptions, words, where, outcome.asked);
    if (operands)
        outcome.operands = std::move(*operands);
    else
        outcome.fault = operands.error().message;
    return outcome;
}

TEST(OptionsTest, EachKindOfRow) {
    const Outcome all = outcome_of({"--loud", "--host=a", "--path=b", "--path=", "--path=c=d",
                                    "--length=four", "--lengths=1", "--lengths=22"});
    EXPECT_EQ(all.fault, "");
    EXPECT_TRUE(all.asked.loud);
    EXPECT_EQ(all.asked.host, "a");
    EXPECT_EQ(all.asked.paths, (Words{"b", "", "c=d"}));
    EXPECT_EQ(all.asked.length, 4u);
    EXPECT_EQ(all.asked.lengths, (std::vector<std::size_t>{1, 2}));
    EXPECT_EQ(all.asked.mode, Asked::Mode::run);
    EXPECT_EQ(outcome_of({"--lengths="}).fault, "nothing to measure");
    EXPECT_EQ(outcome_of({"--length="}).fault, "nothing to measure");
}

TEST(OptionsTest, ALetterMayHaveItsValueInTheNextWord) {
    for (const Words &words : {Words{"-H", "a", "b"}, Words{"-Ha", "b"}, Words{"--host", "a", "b"},
                               Words{"--host=a", "b"}}) {
        EXPECT_EQ(outcome_of(words).asked.host, "a");
        EXPECT_EQ(outcome_of(words).operands, Words{"b"});
    }
    EXPECT_EQ(outcome_of({"-H"}).fault, "-H needs the name of a host");
    EXPECT_EQ(outcome_of({"--host"}).fault, "--host needs the name of a host");
    EXPECT_EQ(outcome_of({"--path", "a"}).fault, "unknown option '--path'; see --help");
}

TEST(OptionsTest, AValueThatMayBeLeftOutIsNeverTheNextWord) {
    const Outcome outcome = outcome_of({"--maybe", "a", "--maybe=b", "--maybe="});
    EXPECT_EQ(outcome.asked.paths, (Words{"", "b", ""}));
    EXPECT_EQ(outcome.operands, Words{"a"});
}

TEST(OptionsTest, WhereTheOperandsStand) {
    const Words words{"a", "--loud", "--", "--path=x", "--"};
    EXPECT_EQ(outcome_of(words).operands, (Words{"a", "--path=x", "--"}));
    EXPECT_TRUE(outcome_of(words).asked.loud);
    EXPECT_EQ(outcome_of(words, Operands::behind_options).operands, words);
    EXPECT_FALSE(outcome_of(words, Operands::behind_options).asked.loud);
    EXPECT_EQ(outcome_of({"--", "a"}, Operands::behind_options).fault,
              "unknown option '--'; see --help");
    EXPECT_EQ(outcome_of({""}).operands, Words{""});
}

TEST(OptionsTest, BehindHelpNothingIsLookedAt) {
    for (const char *word : {"-h", "--help"})
        EXPECT_EQ(outcome_of({word, "--nonsense"}).asked.mode, Asked::Mode::help);
    EXPECT_EQ(outcome_of({"--version", "--help"}).asked.mode, Asked::Mode::version);
    EXPECT_EQ(outcome_of({"--nonsense", "--help"}).fault,
              "unknown option '--nonsense'; see --help");
}

TEST(OptionsTest, OneWordingForWhatIsUnknown) {
    EXPECT_EQ(outcome_of({"--lod"}).fault, "unknown option '--lod'. Did you mean '--loud'?");
    EXPECT_EQ(outcome_of({"--pth=/a"}).fault, "unknown option '--pth=/a'. Did you mean '--path'?");
    for (const std::string word :
         {"--nonsense", "-x", "-", "--loud=yes", "--help=me", "-hh", "-hx", "---", "--path"})
        EXPECT_EQ(outcome_of({word}).fault, "unknown option '" + word + "'; see --help");
}

TEST(OptionsTest, Help) {
    EXPECT_EQ(options_help("program\n\n", kAskedOptions, "\nThe end.\n"),
              "program\n"
              "\n"
              "     --loud         With noise\n"
              "  -H --host=HOST    Over there\n"
              "     --path=PATH    What to open,\n"
              "                    and more\n"
              "     --with-a-long-name\n"
              "                    On the next line\n"
              "     --maybe[=PATH]\n"
              "     --length=WORD\n"
              "     --lengths=WORD\n"
              "  -h --help         Show this help\n"
              "     --version      Show the version\n"
              "\n"
              "The end.\n");
    EXPECT_EQ(option_help({.name = "--explain", .operands = "NAME", .help = "Why"}),
              "     --explain NAME Why\n");
}

}  // namespace
}  // namespace qemunit
