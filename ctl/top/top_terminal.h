// SPDX-License-Identifier: MIT
//
// The terminal while `qemunitctl top` has it: another screen, no cursor, keys as they come. The
// destructor, which every end of the program reaches but SIGKILL, gives it back as it was.
//
// Plain sequences of ECMA-48 and xterm, which every terminal of today knows, and no ncurses: all
// that is drawn are whole lines in place, and what a console prints goes past curses anyway.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "common/result.h"
#include "ctl/console/raw_terminal.h"
#include "ctl/top/top_view.h"

namespace qemunit::ctl {

class TopTerminal {
  public:
    static Result<TopTerminal> enter();
    ~TopTerminal();
    TopTerminal(TopTerminal &&other) noexcept
        : raw_(std::move(other.raw_)), is_entered_(std::exchange(other.is_entered_, false)) {}
    TopTerminal &operator=(TopTerminal &&) = delete;

    // Columns and rows.
    static std::pair<std::size_t, std::size_t> size();
    void draw(const TopScreen &screen) const;

  private:
    explicit TopTerminal(RawTerminal raw) : raw_(std::move(raw)), is_entered_(true) {}

    RawTerminal raw_;
    bool is_entered_;
};

// What the terminal gets for a screen: one text, so that nothing flickers.
std::string drawn(const TopScreen &screen);

}  // namespace qemunit::ctl
