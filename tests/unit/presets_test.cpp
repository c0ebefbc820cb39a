// SPDX-License-Identifier: MIT
//
// What CMakePresets.json promises to those who build by it.
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fstream>
#include <regex>
#include <sstream>

namespace qemunit {
namespace {

std::string read_source(const std::string &path) {
    std::ifstream file(QEMUNIT_SOURCE_DIR "/" + path);
    std::ostringstream text;
    text << file.rdbuf();
    EXPECT_FALSE(text.str().empty()) << path;
    return text.str();
}

// A build folder remembers what it was configured with ("cmake --preset release
// -DQEMUNIT_TESTS=OFF", as README has it). Who names a preset later gets what the preset says,
// tools/demo and tools/test among them, only if it says something of each option.
TEST(PresetsTest, SayWhatEachOptionIs) {
    const auto presets = nlohmann::json::parse(read_source("CMakePresets.json"));
    const auto &base = presets["configurePresets"][0];
    ASSERT_EQ(base["name"], "base");
    const std::string lists = read_source("CMakeLists.txt");
    const std::regex option("option\\((\\w+) \"[^\"]*\" (ON|OFF)\\)");
    int options = 0;
    for (std::sregex_iterator match(lists.begin(), lists.end(), option), end; match != end;
         ++match, ++options)
        EXPECT_TRUE(base["cacheVariables"].contains((*match)[1].str())) << (*match)[1];
    EXPECT_GE(options, 5);
}

}  // namespace
}  // namespace qemunit
