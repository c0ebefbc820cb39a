// SPDX-License-Identifier: MIT
//
// What we escape, as QEMU itself reads it: a QEMU without a machine is given many options,
// and asked over QMP what it understood. It has two parsers: QemuOpts, for -drive and
// -device, and keyval, for -object.
#include <gtest/gtest.h>
#include <unistd.h>

#include <iostream>
#include <random>
#include <sstream>

#include "common/qmp/qmp_client.h"
#include "generator/qemu/option_value.h"
#include "tests/unit/program.h"
#include "tests/unit/random_text.h"
#include "tests/unit/temporary_folder.h"

namespace qemunit::generator {
namespace {

using nlohmann::json;

constexpr std::size_t kValues = 200;
constexpr std::size_t kFileNameMax = 255;  // bytes; NAME_MAX
constexpr const char *kQemu = "/usr/bin/qemu-system-x86_64";

json question(const char *command, json arguments = json::object()) {
    return {{"execute", command}, {"arguments", std::move(arguments)}};
}

class QemuParserTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (access(kQemu, X_OK) != 0)
            GTEST_SKIP() << kQemu << " is not installed here";
        std::cout << "QEMUNIT_SEED=" << seed << std::endl;
    }

    // What QEMU, run with these options, returns to each question.
    std::vector<json> ask(const std::vector<std::string> &options,
                          const std::vector<json> &questions) const {
        std::string script = json_text(question("qmp_capabilities")) + "\n";
        for (const json &q : questions)
            script += json_text(q) + "\n";
        script += json_text(question("quit")) + "\n";
        std::vector<std::string> command = {kQemu,      "-nodefaults", "-machine", "none",
                                            "-display", "none",        "-qmp",     "stdio"};
        command.insert(command.end(), options.begin(), options.end());
        const auto result =
            testing::run_program(command, {.input = folder.write("questions", script)});
        EXPECT_EQ(result.exit_code, 0) << result.errors;

        std::vector<json> answers;
        std::istringstream lines(result.output);
        for (std::string line; std::getline(lines, line);)
            if (const json message = parse_json(line); message.contains("return"))
                answers.push_back(message["return"]);
        EXPECT_EQ(answers.size(), questions.size() + 2) << result.output;
        answers.resize(questions.size() + 2);
        return {answers.begin() + 1, answers.end() - 1};
    }

    const unsigned seed = getenv("QEMUNIT_SEED") != nullptr
                              ? static_cast<unsigned>(std::stoul(getenv("QEMUNIT_SEED")))
                              : std::random_device()();
    testing::RandomText random{seed};
    testing::TemporaryFolder folder;
};

TEST_F(QemuParserTest, TextsOfObjectsComeBack) {
    std::vector<std::string> values = {"", ",", ",,", "a,id=b", "=", "a=b,c=d", "on", "100%"};
    while (values.size() < kValues)
        values.push_back(random.word());
    std::vector<std::string> options;
    std::vector<json> questions;
    for (std::size_t i = 0; i < values.size(); ++i) {
        const std::string id = "o" + std::to_string(i);
        options.insert(
            options.end(),
            {"-object",
             OptionValue("authz-simple").add("id", id).add("identity", values[i]).text()});
        questions.push_back(
            question("qom-get", {{"path", "/objects/" + id}, {"property", "identity"}}));
    }
    const auto answers = ask(options, questions);
    for (std::size_t i = 0; i < values.size(); ++i)
        EXPECT_EQ(answers[i], json(values[i]));
}

// Bytes that are no text cannot be asked for in JSON. But each file has a size of its own, so
// it shows which one was opened.
TEST_F(QemuParserTest, AnyBytesNameTheirFile) {
    constexpr std::size_t kSector = 512;
    std::vector<std::string> options;
    for (std::size_t i = 0; i < kValues; ++i) {
        std::string name = i % 2 == 0 ? random.word() : random.bytes(1 + random.below(40));
        std::erase_if(name, [](char c) { return c == '\0' || c == '/'; });
        name.resize(std::min(name.size(), kFileNameMax));
        // A folder each: what a comma would cut off must not be there by chance.
        const std::string file = folder.write(std::to_string(i) + "/," + name, "");
        std::filesystem::resize_file(file, (i + 1) * kSector);
        options.insert(options.end(), {"-drive", OptionValue()
                                                     .add("if", "none")
                                                     .add("id", "d" + std::to_string(i))
                                                     .add("file", file)
                                                     .add("format", "raw")
                                                     .add("readonly", "on")
                                                     .text()});
    }
    const json drives = ask(options, {question("query-block")})[0];
    ASSERT_EQ(drives.size(), kValues);
    for (std::size_t i = 0; i < kValues; ++i) {
        EXPECT_EQ(drives[i]["device"], "d" + std::to_string(i));
        EXPECT_EQ(drives[i]["inserted"]["image"]["virtual-size"], (i + 1) * kSector);
    }
}

TEST_F(QemuParserTest, TheNameComesBack) {
    for (int i = 0; i < 5; ++i) {
        const std::string name = "," + random.word();
        const std::string option = OptionValue().add("guest", name).text();
        EXPECT_EQ(ask({"-name", option}, {question("query-name")})[0], json({{"name", name}}));
    }
}

}  // namespace
}  // namespace qemunit::generator
