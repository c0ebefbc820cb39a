// SPDX-License-Identifier: MIT
//
// What a guest prints on a serial port -> the lines that a person would have seen: escape
// sequences gone, carriage returns and backspaces carried out, broken bytes replaced. What
// comes out is valid UTF-8 without control characters but tab, so that journalctl shows it
// as text and never as "[blob data]". Pure; sequences may be cut anywhere between two feeds.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace qemunit {

class ConsoleLines {
  public:
    using Sink = std::function<void(const std::string &line)>;

    explicit ConsoleLines(Sink sink) : sink_(std::move(sink)) {}

    void feed(std::string_view bytes);

    // Whether something waits for its line end.
    bool has_partial() const { return !cells_.empty(); }
    // Its length, in characters, and the last of them.
    std::size_t partial_size() const { return cells_.size(); }
    std::string partial_tail(std::size_t at_most) const;

    // Emits it as a line now; what follows is the next line.
    void flush_partial();

  private:
    // ECMA-48, as far as it takes to know where a sequence ends.
    enum class State { text, escape, escape_rest, csi, string, string_escape };

    void take_byte(unsigned char byte);
    void take_text_byte(unsigned char byte);
    void take_control(unsigned char byte);
    void put(char32_t character);
    void run_csi(unsigned char final);
    void break_line();
    void leave_line();
    void emit();

    Sink sink_;
    State state_ = State::text;
    std::u32string cells_;      // the line as it stands on the screen
    std::size_t column_ = 0;    // of the cursor
    std::size_t sequence_ = 0;  // bytes of the escape sequence so far
    std::string parameters_;    // of a CSI sequence
    char32_t character_ = 0;    // the UTF-8 character so far
    unsigned missing_ = 0;      // its bytes still to come
    char32_t smallest_ = 0;     // below this the form is overlong
};

}  // namespace qemunit
