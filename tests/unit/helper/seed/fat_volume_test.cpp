// SPDX-License-Identifier: MIT
//
// Volumes against what the specification says where, read without the code that writes them. The
// kernel of a guest reads them in the end-to-end tests.
#include "helper/seed/fat_volume.h"

#include <gtest/gtest.h>

namespace qemunit::helper {
namespace {

unsigned number(std::string_view bytes, std::size_t at, unsigned size) {
    unsigned value = 0;
    for (unsigned i = size; i > 0; --i)
        value = value << 8 | static_cast<unsigned char>(bytes[at + i - 1]);
    return value;
}

// Follows the clusters of the file whose entry stands at `entry`.
std::string file_at(std::string_view volume, std::size_t entry) {
    const std::size_t table = 512, table_size = number(volume, 22, 2) * 512;
    const std::size_t root = table + table_size, data = root + number(volume, 17, 2) * 32;
    std::string text;
    for (unsigned cluster = number(volume, entry + 26, 2); cluster != 0 && cluster < 0xff8;) {
        text += volume.substr(data + (cluster - 2) * 512, 512);
        const unsigned both = number(volume, table + cluster + cluster / 2, 2);
        cluster = cluster % 2 == 0 ? both & 0xfff : both >> 4;
    }
    const unsigned size = number(volume, entry + 28, 4);
    EXPECT_EQ((size + 511) / 512 * 512, text.size());
    return text.substr(0, size);
}

TEST(FatVolumeTest, HasItsFilesAndItsLabel) {
    const std::string large(3 * 512 + 1, 'x');
    const FatFile files[] = {{"meta-data", "META-D~1", "a"},
                             {"network-config", "NETWOR~1", ""},
                             {"user-data", "USER-D~1", large}};
    const auto made = fat_volume("cidata", files);
    ASSERT_TRUE(made);
    const std::string &volume = *made;
    EXPECT_EQ(volume.size(), number(volume, 19, 2) * 512);
    EXPECT_EQ(volume.substr(43, 11), "cidata     ");
    EXPECT_EQ(volume.substr(54, 8), "FAT12   ");
    EXPECT_EQ(number(volume, 510, 2), 0xaa55u);
    const std::size_t root = 512 + number(volume, 22, 2) * 512;
    EXPECT_EQ(volume.substr(root, 11), "cidata     ");
    // The label; one long part and the file; two parts and the file; one part and the file.
    const auto entry = [&](unsigned index) {
        return root + index * 32;
    };
    EXPECT_EQ(volume.substr(entry(2), 11), "META-D~1   ");
    EXPECT_EQ(volume.substr(entry(5), 11), "NETWOR~1   ");
    EXPECT_EQ(volume.substr(entry(7), 11), "USER-D~1   ");
    EXPECT_EQ(file_at(volume, entry(2)), "a");
    EXPECT_EQ(file_at(volume, entry(5)), "");
    EXPECT_EQ(file_at(volume, entry(7)), large);
    EXPECT_EQ(number(volume, entry(3), 1), 0x42u);  // the last part of two comes first
    EXPECT_EQ(number(volume, entry(3) + 1, 2), unsigned{'g'});
    EXPECT_EQ(number(volume, entry(3) + 3, 2), 0u);
    EXPECT_EQ(number(volume, entry(3) + 5, 2), 0xffffu);
    EXPECT_EQ(*fat_volume("cidata", files), volume);
}

TEST(FatVolumeTest, IsNoLargerThanFat12) {
    const std::string most(4084 * 512, 'x');
    const FatFile whole[] = {{"user-data", "USER-D~1", most}};
    const auto made = fat_volume("cidata", whole);
    ASSERT_TRUE(made);
    EXPECT_EQ(file_at(*made, 512 + number(*made, 22, 2) * 512 + 64), most);
    const FatFile more[] = {{"user-data", "USER-D~1", most}, {"meta-data", "META-D~1", "x"}};
    EXPECT_FALSE(fat_volume("cidata", more));
}

}  // namespace
}  // namespace qemunit::helper
