// SPDX-License-Identifier: MIT
//
// Cuts a stream of JSON values into texts of one value each: in QMP values follow each other with
// white space or nothing between, and need no line ends. The parser finds out whether a text is
// JSON; a text that is none ends where the next value begins.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace qemunit::bus {

class JsonSplitter {
  public:
    void take(std::string_view bytes) { input_ += bytes; }
    // The next whole value; nothing if that takes more bytes.
    std::optional<std::string> next();
    // The bytes of a value whose end has not come yet.
    std::size_t size() const { return input_.size(); }

  private:
    std::string cut(std::size_t end);

    std::string input_;
    std::size_t scanned_ = 0;
    std::size_t depth_ = 0;  // of brackets
    bool in_string_ = false;
    bool escaped_ = false;  // by a backslash in a string
};

}  // namespace qemunit::bus
