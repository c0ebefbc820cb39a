// SPDX-License-Identifier: MIT
//
// A stream of JSON values, cut into texts of one value each: QMP takes them one after the other
// with anything or nothing between, and no line ends. Whether a text is JSON is the parser's
// to find out; what is no value ends where the next one begins.
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
    // Bytes that are kept for want of their end.
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
