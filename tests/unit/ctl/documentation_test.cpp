// SPDX-License-Identifier: MIT
//
// Every verb and option is in qemunitctl(1) and in both shells' completion.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "ctl/verbs.h"

namespace qemunit::ctl {
namespace {

std::string read_source(const std::string &path) {
    std::ifstream file(QEMUNIT_SOURCE_DIR "/" + path);
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_FALSE(text.str().empty()) << path;
    return text.str();
}

TEST(CtlDocumentationTest, ManPageAndCompletionKnowEveryVerb) {
    const std::string man = read_source("man/qemunitctl.1.scd");
    const std::string bash = read_source("ctl/completion/qemunitctl.bash");
    const std::string zsh = read_source("ctl/completion/_qemunitctl");
    for (const Verb &verb : verbs()) {
        EXPECT_NE(man.find("\n*" + std::string(verb.name) + "*"), man.npos) << verb.name;
        std::istringstream words{std::string(verb.name)};
        for (std::string word; words >> word;) {
            EXPECT_NE(bash.find(word), bash.npos) << word;
            EXPECT_NE(zsh.find(word), zsh.npos) << word;
        }
    }
    for (const std::string option : {"--user", "--host", "--json", "--names", "--read-only",
                                     "--wait", "--no-ask-password", "--help", "--version"}) {
        EXPECT_NE(man.find("*" + option), man.npos) << option;
        EXPECT_NE(bash.find(option), bash.npos) << option;
        EXPECT_NE(zsh.find(option), zsh.npos) << option;
    }
}

}  // namespace
}  // namespace qemunit::ctl
