// SPDX-License-Identifier: MIT
#include "bus/sessions/json_splitter.h"

#include <utility>

namespace qemunit::bus {

namespace {

// No part of UTF-8: a client's way to begin anew (docs/interop/qmp-spec.txt of QEMU, 2.1).
constexpr char kReset = '\xff';

constexpr std::string_view kBlanks = " \t\r\n";
// A word such as `true`, which is no command, ends before these.
constexpr std::string_view kNoWord = " \t\r\n{[\"";

}  // namespace

std::optional<std::string> JsonSplitter::next() {
    if (scanned_ == 0)
        input_.erase(0, input_.find_first_not_of(kBlanks));
    for (; scanned_ < input_.size(); ++scanned_) {
        const char c = input_[scanned_];
        if (c == kReset)
            return cut(scanned_ + 1);
        if (in_string_) {
            if (std::exchange(escaped_, !escaped_ && c == '\\') || c != '"')
                continue;
            in_string_ = false;
            if (depth_ == 0)
                return cut(scanned_ + 1);
        } else if (depth_ == 0 && scanned_ > 0 && kNoWord.find(c) != kNoWord.npos) {
            return cut(scanned_);
        } else if (c == '"') {
            in_string_ = true;
        } else if (c == '{' || c == '[') {
            ++depth_;
        } else if (c == '}' || c == ']') {
            if (depth_ <= 1)
                return cut(scanned_ + 1);
            --depth_;
        }
    }
    return std::nullopt;
}

std::string JsonSplitter::cut(std::size_t end) {
    std::string value = input_.substr(0, end);
    input_.erase(0, end);
    scanned_ = depth_ = 0;
    in_string_ = escaped_ = false;
    return value;
}

}  // namespace qemunit::bus
