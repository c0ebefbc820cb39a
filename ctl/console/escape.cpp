// SPDX-License-Identifier: MIT
#include "ctl/console/escape.h"

#include "common/timer.h"

namespace qemunit::ctl {

namespace {

constexpr char kEscape = 0x1d;

}  // namespace

EscapeSequence::Typed EscapeSequence::feed(std::string_view typed, uint64_t now) {
    for (std::size_t i = 0; i < typed.size(); ++i) {
        if (typed[i] != kEscape) {
            pressed_ = 0;
            continue;
        }
        if (pressed_ == 2 && now - last_but_one_ <= kSecond)
            return {typed.substr(0, i), true};
        last_but_one_ = pressed_ == 0 ? now : last_;
        last_ = now;
        pressed_ = pressed_ == 0 ? 1 : 2;
    }
    return {typed, false};
}

}  // namespace qemunit::ctl
