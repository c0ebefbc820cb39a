// SPDX-License-Identifier: MIT
#include "helper/usernet/frames.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace qemunit::helper {
namespace {

using Bytes = std::vector<uint8_t>;

Bytes framed(std::size_t length, std::size_t size) {
    Bytes bytes{static_cast<uint8_t>(length >> 24), static_cast<uint8_t>(length >> 16),
                static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length)};
    bytes.resize(4 + size, 'x');
    return bytes;
}

// The sizes of the frames in `bytes`, given in pieces of `piece` bytes; -1 for an error at the end.
std::vector<int> sizes_read(const Bytes &bytes, std::size_t piece) {
    FrameReader reader;
    std::vector<int> sizes;
    for (std::size_t at = 0; at < bytes.size();) {
        const auto room = reader.room();
        const std::size_t size = std::min({piece, room.size(), bytes.size() - at});
        if (size == 0)
            return {-2};
        std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), size, room.begin());
        at += size;
        const auto read = reader.read(
            size, [&](Frame frame) { sizes.push_back(static_cast<int>(frame.size())); });
        if (!read) {
            sizes.push_back(-1);
            break;
        }
    }
    return sizes;
}

TEST(FramesTest, AreReadInWhateverPieces) {
    Bytes bytes;
    for (const std::size_t size : {std::size_t{60}, std::size_t{1514}, kFrameMax, std::size_t{1}}) {
        const Bytes frame = framed(size, size);
        bytes.insert(bytes.end(), frame.begin(), frame.end());
    }
    for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{100'000}})
        EXPECT_EQ(sizes_read(bytes, piece),
                  (std::vector<int>{60, 1514, static_cast<int>(kFrameMax), 1}))
            << piece;
}

TEST(FramesTest, ALengthThatQemuNeverWrites) {
    for (const std::size_t length :
         {std::size_t{0}, kFrameMax + 1, std::size_t{0x80000000}, std::size_t{0xffffffff}})
        EXPECT_EQ(sizes_read(framed(length, 10), 100), std::vector<int>{-1}) << length;
}

TEST(FramesTest, AreWrittenBehindTheirLengths) {
    FrameWriter writer;
    writer.add(Bytes{'a', 'b'});
    writer.add(Bytes{'c'});
    EXPECT_EQ(Bytes(writer.pending().begin(), writer.pending().end()),
              (Bytes{0, 0, 0, 2, 'a', 'b', 0, 0, 0, 1, 'c'}));
    writer.take_away(5);
    EXPECT_EQ(Bytes(writer.pending().begin(), writer.pending().end()),
              (Bytes{'b', 0, 0, 0, 1, 'c'}));
    writer.take_away(6);
    EXPECT_TRUE(writer.pending().empty());
}

TEST(FramesTest, ForWhoDoesNotReadAreLostWhole) {
    FrameWriter writer;
    const Bytes frame(1514, 'x');
    for (int i = 0; i < 100'000; ++i)
        writer.add(frame);
    const std::size_t kept = writer.pending().size();
    EXPECT_LE(kept, std::size_t{1} << 20);
    EXPECT_EQ(kept % (4 + frame.size()), 0u);
    // As long as somebody reads a little at a time, too.
    for (int i = 0; i < 10'000; ++i) {
        writer.take_away(1000);
        writer.add(frame);
        writer.add(frame);
        ASSERT_LE(writer.pending().size(), kept + 4 + frame.size());
    }
}

}  // namespace
}  // namespace qemunit::helper
