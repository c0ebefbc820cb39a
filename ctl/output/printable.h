// SPDX-License-Identifier: MIT
//
// Text that a terminal shows and does not obey: what QEMU, a guest or a disk image has named may
// hold escape sequences, which move the cursor, change colours and titles, or make the terminal
// type. Pure; safe_output.cpp puts all that qemunitctl prints on a terminal through it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace qemunit::ctl {

// Control characters (ASCII's, and those from U+0080 on), characters that change the direction of
// the text, and bytes that are no UTF-8, each written out: "\x1b", "\u009b", "\xff". As they are:
// newlines, with a carriage return in front of them or not, and tabs.
//
// A text may come in pieces that end anywhere.
class Printable {
  public:
    std::string feed(std::string_view text);
    // The bytes that were held back because the rest of their character was still to come.
    std::string end();

  private:
    char held_[4] = {};
    std::size_t held_size_ = 0;
};

// A whole text.
std::string printable_text(std::string_view text);

}  // namespace qemunit::ctl
