// SPDX-License-Identifier: MIT
//
// The last of what a guest printed: for a client of its console that comes late, or that did
// not read for a while. Pure; bounded, however much the guest prints.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace qemunit::helper {

class ConsoleHistory {
  public:
    void append(std::string_view bytes);

    // Begins with a whole line, so that a client sees where the cursor is.
    std::string_view last_screen() const;

    // What a client sees that has missed the last bytes, this many: exactly these if they are
    // still here, or else a note of how many are lost, and the last screen.
    std::string after_gap(std::size_t missed) const;

  private:
    std::string text_;
};

}  // namespace qemunit::helper
