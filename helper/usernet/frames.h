// SPDX-License-Identifier: MIT
//
// Ethernet frames on a stream, as QEMU's `-netdev stream` has them (net/stream.c): each behind its
// length, four bytes, the first one the highest. For the loop of qemunit-usernet. Trusts nothing,
// since a QEMU that was taken over may write anything, and takes no more memory than it says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "common/result.h"

namespace qemunit::helper {

// NET_BUFSIZE of QEMU's include/net/net.h: no frame of QEMU's is longer.
inline constexpr std::size_t kFrameMax = 4096 + 65536;

using Frame = std::span<const uint8_t>;

class FrameReader {
  public:
    // Where the next bytes of the stream go; never empty.
    std::span<uint8_t> room();
    // Takes the first `size` bytes of room(), and calls `take` for each frame that is whole. Fails
    // for good if a length is none that QEMU writes.
    Result<> read(std::size_t size, const std::function<void(Frame)> &take);
    // The next stream begins.
    void clear() { used_ = 0; }

  private:
    std::vector<uint8_t> bytes_ = std::vector<uint8_t>(4 * kFrameMax);
    std::size_t used_ = 0;
};

class FrameWriter {
  public:
    // Keeps the frame for the stream. One that finds no room is lost, as on a cable; the guest's
    // TCP sends what was in there again.
    void add(Frame frame);
    // What is to be written next; `size` bytes of it have been.
    Frame pending() const { return Frame(bytes_).subspan(written_); }
    void take_away(std::size_t size);
    void clear();

  private:
    std::vector<uint8_t> bytes_;
    std::size_t written_ = 0;
};

}  // namespace qemunit::helper
