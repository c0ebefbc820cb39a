// SPDX-License-Identifier: MIT
#include "helper/console/console_history.h"

#include <fmt/format.h>

namespace qemunit::helper {

namespace {

constexpr std::size_t kSizeMax = 8 * 1024;  // bytes
constexpr int kScreenLines = 24;

}  // namespace

void ConsoleHistory::append(std::string_view bytes) {
    text_ += bytes;
    if (text_.size() > 2 * kSizeMax)
        text_.erase(0, text_.size() - kSizeMax);
}

std::string_view ConsoleHistory::last_screen() const {
    const std::string_view text = text_;
    std::size_t begin = text.size();
    for (int line = 0; line < kScreenLines && begin > 0; ++line) {
        begin = text.rfind('\n', begin - 1);
        if (begin == text.npos)
            return text;
    }
    return begin < text.size() ? text.substr(begin + 1) : text.substr(text.size());
}

std::string ConsoleHistory::after_gap(std::size_t missed) const {
    if (missed <= text_.size())
        return text_.substr(text_.size() - missed);
    const std::string_view screen = last_screen();
    return fmt::format("\r\n[qemunit: {} bytes skipped, read faster]\r\n{}", missed - screen.size(),
                       screen);
}

}  // namespace qemunit::helper
