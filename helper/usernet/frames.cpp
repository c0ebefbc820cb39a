// SPDX-License-Identifier: MIT
#include "helper/usernet/frames.h"

#include <fmt/format.h>

#include <algorithm>

namespace qemunit::helper {

namespace {

constexpr std::size_t kHead = 4;
// Some 350 frames of a usual cable: more than a TCP window of libslirp's.
constexpr std::size_t kPendingMax = std::size_t{512} << 10;

std::size_t length_in(Frame head) {
    std::size_t length = 0;
    for (const uint8_t byte : head.first(kHead))
        length = length << 8 | byte;
    return length;
}

}  // namespace

std::span<uint8_t> FrameReader::room() {
    return std::span(bytes_).subspan(used_);
}

Result<> FrameReader::read(std::size_t size, const std::function<void(Frame)> &take) {
    used_ += size;
    Frame rest(bytes_.data(), used_);
    while (rest.size() >= kHead) {
        const std::size_t length = length_in(rest);
        if (length == 0 || length > kFrameMax)
            return fail(EPROTO, fmt::format("a frame of {} bytes, which QEMU never sends", length));
        if (rest.size() < kHead + length)
            break;
        take(rest.subspan(kHead, length));
        rest = rest.subspan(kHead + length);
    }
    // Less than one frame and its length are left, so that there is room.
    std::ranges::copy(rest, bytes_.begin());
    used_ = rest.size();
    return {};
}

void FrameWriter::add(Frame frame) {
    if (frame.size() > kFrameMax || pending().size() + kHead + frame.size() > kPendingMax)
        return;
    for (int shift = 24; shift >= 0; shift -= 8)
        bytes_.push_back(static_cast<uint8_t>(frame.size() >> shift));
    // Not by insert(), in which GCC 14 sees an overflow that is none.
    const std::size_t old = bytes_.size();
    bytes_.resize(old + frame.size());
    std::ranges::copy(frame, bytes_.begin() + static_cast<std::ptrdiff_t>(old));
}

void FrameWriter::take_away(std::size_t size) {
    written_ += size;
    // What was written goes when that is all, or as much as may wait: each byte moves once or so.
    if (written_ == bytes_.size() || written_ >= kPendingMax) {
        bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(written_));
        written_ = 0;
    }
}

void FrameWriter::clear() {
    bytes_.clear();
    written_ = 0;
}

}  // namespace qemunit::helper
