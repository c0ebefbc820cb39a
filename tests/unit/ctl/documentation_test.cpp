// SPDX-License-Identifier: MIT
//
// Every verb and option is in qemunitctl(1), and both shells complete it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "ctl/verbs.h"
#include "tests/unit/program.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::ctl {
namespace {

std::string read_source(const std::string &path) {
    std::ifstream file(QEMUNIT_SOURCE_DIR "/" + path);
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_FALSE(text.str().empty()) << path;
    return text.str();
}

TEST(CtlDocumentationTest, TheManPageKnowsEveryVerb) {
    const std::string man = read_source("man/qemunitctl.1.scd");
    for (const Verb &verb : verbs())
        EXPECT_NE(man.find("\n*" + std::string(verb.name) + "*"), man.npos) << verb.name;
}

TEST(CtlDocumentationTest, TheManPageKnowsEveryOption) {
    const std::string man = read_source("man/qemunitctl.1.scd");
    const std::string bash = read_source("ctl/completion/qemunitctl.bash");
    const std::string zsh = read_source("ctl/completion/_qemunitctl");
    for (const std::string option :
         {"--user", "--host", "--no-ask-password", "--help", "--version"}) {
        EXPECT_NE(man.find("*" + option), man.npos) << option;
        EXPECT_NE(bash.find(option), bash.npos) << option;
        EXPECT_NE(zsh.find(option), zsh.npos) << option;
    }
    for (const Verb &verb : verbs())
        for (const OptionText &option : verb.options)
            EXPECT_NE(man.find(fmt::format("*{}", option.name)), man.npos) << option.name;
}

// What bash offers behind `typed`, a word a line; the last word is the one at the cursor. `list
// --names` of this qemunitctl says "vm1".
std::vector<std::string> completed(const std::string &typed) {
    const testing::TemporaryFolder folder;
    const std::string program = folder.write("qemunitctl",
                                             "#!/bin/sh\ncase \"$*\" in\n"
                                             "*--names) echo vm1 ;;\n"
                                             "*'snapshot list vm1') printf 'TAG\\nold 1\\n' ;;\n"
                                             "*) exec " QEMUNITCTL " \"$@\" ;;\nesac\n");
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    const auto run = testing::run_program(
        {"/bin/bash", "-c",
         "PATH=$1:$PATH; . $2; COMP_WORDS=($3 \"$4\"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); "
         "_qemunitctl; printf '%s\\n' \"${COMPREPLY[@]}\"",
         "_", std::filesystem::path(program).parent_path(),
         QEMUNIT_SOURCE_DIR "/ctl/completion/qemunitctl.bash", typed.substr(0, typed.rfind(' ')),
         typed.substr(typed.rfind(' ') + 1)},
        {.environment = {"PATH=/usr/bin:/bin"}});
    std::vector<std::string> words;
    std::istringstream lines(run.output);
    for (std::string line; std::getline(lines, line);)
        if (!line.empty())
            words.push_back(line);
    return words;
}

TEST(CtlDocumentationTest, BashCompletesTheOptionsOfEveryVerb) {
    for (const Verb &verb : verbs())
        for (const OptionText &option : verb.options) {
            const std::string name(option.name);
            const bool needs_value = !option.value.empty() && !option.value_is_optional;
            // Others may begin like that.
            const auto offered = completed(fmt::format("qemunitctl {} {}", verb.name, name));
            EXPECT_EQ(std::ranges::count(offered, name + (needs_value ? "=" : "")), 1) << name;
        }
}

TEST(CtlDocumentationTest, BashCompletesEveryVerb) {
    for (const Verb &verb : verbs()) {
        const std::string typed = "qemunitctl " + std::string(verb.name);
        // Others may begin like that.
        EXPECT_EQ(std::ranges::count(completed(typed), typed.substr(typed.rfind(' ') + 1)), 1)
            << typed;
        if (verb.of_vm) {
            EXPECT_EQ(completed(typed + " v"), std::vector<std::string>{"vm1"}) << typed;
        }
    }
    EXPECT_EQ(completed("qemunitctl snapshot load vm1 o"), std::vector<std::string>{"old"});
    EXPECT_EQ(completed("qemunitctl snapshot save vm1 o"), std::vector<std::string>{});
    EXPECT_EQ(completed("qemunitctl status vm2 v"), std::vector<std::string>{"vm1"});
    EXPECT_EQ(completed("qemunitctl check v"), std::vector<std::string>{"vm1"});
}

// bash makes three words of "--timeout=5s".
TEST(CtlDocumentationTest, BashKnowsValuesOfOptionsFromArguments) {
    using Offers = std::vector<std::string>;
    EXPECT_EQ(completed("qemunitctl ssh --timeout = 5s v"), Offers{"vm1"});
    EXPECT_EQ(completed("qemunitctl ssh -l joe v"), Offers{"vm1"});
    EXPECT_EQ(completed("qemunitctl ssh -A v"), Offers{"vm1"});
    EXPECT_EQ(completed("qemunitctl ssh --login joe v"), Offers{"vm1"});
    EXPECT_EQ(completed("qemunitctl ssh -l v"), Offers{});
    EXPECT_EQ(completed("qemunitctl ssh --login = v"), Offers{});
    EXPECT_EQ(completed("qemunitctl new --firmware = b"), Offers{"bios"});
    EXPECT_EQ(completed("qemunitctl new --firmware b"), Offers{"bios"});
    EXPECT_EQ(completed("qemunitctl new x --firmware ="), (Offers{"bios", "uefi", "uefi-secure"}));
    EXPECT_EQ(completed("qemunitctl new x --ssh-key = /etc/hostn"), Offers{"/etc/hostname"});
    EXPECT_EQ(completed("qemunitctl new x --install = /etc/hostn"), Offers{"/etc/hostname"});
}

}  // namespace
}  // namespace qemunit::ctl
