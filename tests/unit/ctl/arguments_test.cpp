// SPDX-License-Identifier: MIT
#include "ctl/arguments.h"

#include <gtest/gtest.h>

#include "ctl/verbs.h"

namespace qemunit::ctl {
namespace {

using Words = std::vector<std::string>;

Invocation parsed(const Words &words) {
    const auto invocation = parse_invocation(words);
    EXPECT_TRUE(invocation) << invocation.error().message;
    return invocation.value_or(Invocation{});
}

std::string verb_of(const Words &words) {
    const Verb *verb = parsed(words).verb;
    return verb ? std::string(verb->name) : "";
}

std::string fault(const Words &words) {
    const auto invocation = parse_invocation(words);
    return invocation ? "" : invocation.error().message;
}

TEST(InvocationTest, VerbsOfOneAndOfTwoWords) {
    EXPECT_EQ(verb_of({"list"}), "list");
    EXPECT_EQ(verb_of({"snapshot", "save", "vm1", "clean"}), "snapshot save");
    EXPECT_EQ(parsed({"snapshot", "save", "vm1", "clean"}).arguments, (Words{"vm1", "clean"}));
    EXPECT_EQ(verb_of({"forward", "list", "vm1"}), "forward list");
}

TEST(InvocationTest, OptionsStandAnywhere) {
    EXPECT_TRUE(parsed({"list", "--json"}).has("--json"));
    EXPECT_TRUE(parsed({"--json", "list"}).has("--json"));
    EXPECT_TRUE(parsed({"console", "--read-only", "vm1"}).has("--read-only"));
    EXPECT_TRUE(parsed({"console", "vm1", "--wait"}).has("--wait"));
    for (const Words &words : {Words{"-H", "server", "list"}, Words{"list", "-Hserver"},
                               Words{"--host=server", "list"}, Words{"list", "--host", "server"}}) {
        EXPECT_EQ(parsed(words).bus, Invocation::Bus::remote);
        EXPECT_EQ(parsed(words).host, "server");
    }
    EXPECT_EQ(parsed({"--user", "list"}).bus, Invocation::Bus::user);
    EXPECT_TRUE(parsed({"--no-ask-password", "qmp", "vm1", "stop"}).no_ask_password);
}

TEST(InvocationTest, WhatIsForQemuOrTheGuestHasNoOptionsOfOurs) {
    EXPECT_EQ(parsed({"cmd", "vm1", "info", "block", "-v"}).arguments,
              (Words{"vm1", "info", "block", "-v"}));
    EXPECT_EQ(parsed({"type", "vm1", "--help", "--"}).arguments, (Words{"vm1", "--help", "--"}));
    EXPECT_EQ(parsed({"cmd", "--user", "vm1", "info"}).bus, Invocation::Bus::user);
    EXPECT_EQ(parsed({"check", "--", "--odd.ini"}).arguments, Words{"--odd.ini"});
}

TEST(InvocationTest, HelpAndVersionNeedNothingElse) {
    EXPECT_TRUE(parsed({"--help"}).help);
    EXPECT_EQ(parsed({"--help"}).group, "");
    EXPECT_EQ(parsed({"snapshot", "--help"}).group, "snapshot");
    EXPECT_EQ(parsed({"snapshot", "--help"}).verb, nullptr);
    EXPECT_EQ(parsed({"snapshot", "list", "--help"}).group, "");
    EXPECT_TRUE(help_text("snapshot").contains("  snapshot load VM TAG "));
    EXPECT_FALSE(help_text("snapshot").contains("  list "));
    EXPECT_TRUE(parsed({"console", "-h", "--nonsense"}).help);
    EXPECT_TRUE(parsed({"--version"}).version);
}

TEST(InvocationTest, UnknownWordsAreGuessed) {
    EXPECT_EQ(fault({"lst"}), "unknown command 'lst'. Did you mean 'list'?");
    EXPECT_EQ(fault({"bananas"}), "unknown command 'bananas'. See --help.");
    EXPECT_EQ(fault({"snapshot", "sav", "vm1"}),
              "unknown command 'snapshot sav'. Did you mean 'save'?");
    EXPECT_EQ(fault({"list", "--jsn"}), "unknown option '--jsn'. Did you mean '--json'?");
    EXPECT_EQ(fault({"list", "-x"}), "unknown option '-x'; see --help");
}

TEST(InvocationTest, WhatSystemdDoesIsLeftToIt) {
    EXPECT_EQ(fault({"start", "vm1"}), "there is no 'start' here; use: systemctl start qemu@vm1");
    EXPECT_EQ(fault({"--user", "start", "vm1"}),
              "there is no 'start' here; use: systemctl --user start qemu@vm1");
    EXPECT_EQ(fault({"start", "--user", "vm1"}),
              "there is no 'start' here; use: systemctl --user start qemu@vm1");
    EXPECT_EQ(fault({"start", "vm1", "--user"}),
              "there is no 'start' here; use: systemctl --user start qemu@vm1");
    EXPECT_EQ(fault({"logs"}), "there is no 'logs' here; use: journalctl -u qemu@VM");
}

TEST(InvocationTest, NothingIsToList) {
    for (const auto &words : std::vector<Words>{{}, {"--user"}, {"-H", "host"}, {"--json"}}) {
        const auto invocation = parse_invocation(words);
        ASSERT_TRUE(invocation) << invocation.error().message;
        ASSERT_NE(invocation->verb, nullptr);
        EXPECT_EQ(invocation->verb->name, "list");
    }
    EXPECT_EQ(fault({"--wait"}), "'list' has no option --wait; see --help");
}

TEST(InvocationTest, IncompleteAndTooMuch) {
    EXPECT_EQ(fault({"forward"}),
              "incomplete command. It is: forward list VM, forward add VM RULE, "
              "forward remove VM RULE");
    EXPECT_EQ(fault({"cmd", "vm1"}), "too few arguments; it is: qemunitctl cmd VM COMMAND...");
    EXPECT_EQ(fault({"list", "vm1"}), "too many arguments; it is: qemunitctl list");
    EXPECT_EQ(fault({"-H"}), "-H needs the name of a host");
    EXPECT_EQ(fault({"-H", "-x", "list"}), "'-x' is no name of a host");
}

TEST(InvocationTest, OptionsOfOtherVerbs) {
    EXPECT_EQ(fault({"list", "--wait"}), "'list' has no option --wait; see --help");
    EXPECT_EQ(fault({"console", "vm1", "--json"}), "'console' has no option --json; see --help");
}

TEST(InvocationTest, BusesThatDoNotGoTogether) {
    EXPECT_EQ(fault({"--user", "-H", "x", "list"}), "--user and --host exclude each other");
    EXPECT_EQ(fault({"-H", "server", "console", "vm1"}),
              "'console' does not work over --host; try: ssh -t server qemunitctl console vm1");
}

TEST(InvocationTest, NamesThatAreNone) {
    EXPECT_EQ(fault({"console", "../vm1"}), "'../vm1' is no name of a VM");
    EXPECT_EQ(fault({"console", ""}), "'' is no name of a VM");
    EXPECT_EQ(fault({"ssh", "root@vm1"}),
              "'root@vm1' is no name of a VM; the user is an option: -l root vm1");
    EXPECT_EQ(fault({"ssh", "root@../vm1"}), "'root@../vm1' is no name of a VM");
    EXPECT_EQ(fault({"console", "root@vm1"}), "'root@vm1' is no name of a VM");
}

TEST(InvocationTest, HelpNamesEveryVerbAndOption) {
    const std::string help = help_text();
    for (const Verb &verb : verbs()) {
        EXPECT_NE(help.find("  " + std::string(verb.name) + " "), help.npos) << verb.name;
        const std::string own = help_text(verb);
        EXPECT_TRUE(own.starts_with("qemunitctl " + std::string(verb.name))) << own;
        EXPECT_FALSE(own.contains(" \n")) << own;
        for (const OptionText &option : verb.options) {
            EXPECT_TRUE(own.contains(option.name)) << option.name;
            EXPECT_TRUE(option.value.empty() || option.value_is_optional || !option.wanted.empty())
                << option.name;
        }
    }
    for (const char *option : {"--user", "--host=", "--no-ask-password", "--help", "--version"})
        EXPECT_NE(help.find(option), help.npos) << option;
    for (std::size_t begin = 0, end = 0; (end = help.find('\n', begin)) != help.npos;
         begin = end + 1)
        EXPECT_LE(end - begin, 80u) << help.substr(begin, end - begin);
}

}  // namespace
}  // namespace qemunit::ctl
