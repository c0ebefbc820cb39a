// SPDX-License-Identifier: MIT
//
// Whatever a unit runs as root stands in the table of HACKING.md, "Privileged steps".
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace qemunit::generator {
namespace {

namespace fs = std::filesystem;

std::string read(const fs::path &path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

TEST(PrivilegedUnitsTest, AreAllInTheTable) {
    const fs::path source = QEMUNIT_SOURCE_DIR;
    const std::string text = read(source / "HACKING.md");
    const std::size_t begin = text.find("## Privileged steps\n");
    ASSERT_NE(begin, std::string::npos);
    const std::string table = text.substr(begin, text.find("\n## ", begin) - begin);
    std::size_t seen = 0;
    for (const fs::directory_entry &entry : fs::directory_iterator(source / "units")) {
        const fs::path &path = entry.path();
        const bool is_unit = path.extension() == ".in" && path.stem().extension() != ".timer" &&
                             path.stem().string().find('.') != std::string::npos &&
                             path.filename() != "org.qemunit1.service.in";
        if (!is_unit)
            continue;
        ++seen;
        EXPECT_NE(table.find("`" + path.stem().string() + "`"), std::string::npos)
            << path << " is in no row";
    }
    EXPECT_GT(seen, 10u);
}

}  // namespace
}  // namespace qemunit::generator
