// SPDX-License-Identifier: MIT
#include "bus/sessions/hmp_language.h"

#include <gtest/gtest.h>

#include <vector>

namespace qemunit::bus {
namespace {

class HmpLanguageTest : public ::testing::Test {
  protected:
    // The commands that come of it; what is said by itself goes to `said`.
    std::vector<std::string> commands(std::string_view bytes) {
        hmp.take(bytes);
        std::vector<std::string> lines;
        while (auto step = hmp.next()) {
            said += step->text;
            if (!step->request)
                continue;
            EXPECT_EQ(step->request->command, "human-monitor-command");
            lines.push_back(step->request->arguments.at("command-line"));
            last = std::move(step->request);
        }
        return lines;
    }

    HmpLanguage hmp{"7.2.22"};
    std::string said;
    std::optional<MonitorRequest> last;
};

using Texts = std::vector<std::string>;

TEST_F(HmpLanguageTest, GreetsAsQemuDoes) {
    EXPECT_EQ(hmp.greeting(), "QEMU 7.2.22 monitor - type 'help' for more information\r\n(qemu) ");
}

TEST_F(HmpLanguageTest, LinesAreCommands) {
    EXPECT_EQ(commands("info sta"), Texts{});
    EXPECT_EQ(commands("tus\ninfo b\r"), (Texts{"info status", "info b"}));
    EXPECT_EQ(commands("\nstop\r\ncont\r\r\n"), (Texts{"stop", "cont"}));
    EXPECT_EQ(said, "(qemu) ") << "for the empty line";
    EXPECT_EQ(commands("  x y\tz\n"), Texts{"  x y\tz"});
}

TEST_F(HmpLanguageTest, AnEmptyLineIsAPrompt) {
    EXPECT_EQ(commands("\n \t\n"), Texts{});
    EXPECT_EQ(said, "(qemu) (qemu) ");
}

TEST_F(HmpLanguageTest, OutputIsQemus) {
    commands("info status\n");
    EXPECT_EQ(last->answer("VM status: running\r\n"), "VM status: running\r\n(qemu) ");
    EXPECT_EQ(last->answer(""), "(qemu) ");
}

TEST_F(HmpLanguageTest, FailuresAreSaid) {
    commands("savevm x\n");
    const auto answer = [this](QmpError::Kind kind) {
        return last->answer(std::unexpected(QmpError{kind, "why"}));
    };
    EXPECT_EQ(answer(QmpError::Kind::monitor), "Error: why\r\n(qemu) ");
    EXPECT_EQ(answer(QmpError::Kind::timeout),
              "qemunitd: QEMU did not answer 'savevm x' in time; it may still do as told\r\n"
              "(qemu) ");
    EXPECT_EQ(answer(QmpError::Kind::disconnected), "");
}

TEST_F(HmpLanguageTest, ALineHasItsLimit) {
    const std::string most(HmpLanguage::kLineMax, 'x');
    EXPECT_EQ(commands(most + "\n"), Texts{most});
    EXPECT_EQ(said, "");
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(commands(most), Texts{});
    EXPECT_EQ(said, "");
    EXPECT_EQ(commands("\ninfo status\n"), Texts{"info status"});
    EXPECT_EQ(said, "qemunitd: a command of more than 4095 bytes, which is not run\r\n(qemu) ");
}

TEST_F(HmpLanguageTest, OnlyTextIsRun) {
    EXPECT_EQ(commands("a\xff\xc3\n"), Texts{});
    EXPECT_EQ(said, "qemunitd: a command that is not text in UTF-8, which is not run\r\n(qemu) ");
    EXPECT_EQ(commands(std::string_view("a\0b\n", 4)), Texts{});
    EXPECT_EQ(commands("a \"\\ä\"\n"), Texts{"a \"\\ä\""});
}

}  // namespace
}  // namespace qemunit::bus
