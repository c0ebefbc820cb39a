// SPDX-License-Identifier: MIT
//
// The way out of a console: Ctrl-] three times within a second, as in machinectl(1). Everything
// else that is typed goes to the guest, also a single Ctrl-]. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace qemunit::ctl {

class EscapeSequence {
  public:
    struct Typed {
        std::string_view text;  // for the guest
        bool leaves = false;
    };

    // `now`: µs of any clock that only goes forward.
    Typed feed(std::string_view typed, uint64_t now);

  private:
    unsigned pressed_ = 0;  // in a row, at most 2
    // When Ctrl-] was pressed the last two times.
    uint64_t last_but_one_ = 0;
    uint64_t last_ = 0;
};

}  // namespace qemunit::ctl
