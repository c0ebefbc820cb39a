// SPDX-License-Identifier: MIT
#include "common/console/console_lines.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "common/utf8.h"

namespace qemunit {

namespace {

constexpr std::size_t kLineMax = 16 * 1024;   // characters; a longer line is cut, not lost
constexpr std::size_t kSequenceMax = 64;      // bytes of an escape sequence
constexpr std::size_t kStringMax = 4 * 1024;  // bytes of an operating system command and the like
constexpr char32_t kReplacement = 0xfffd;

constexpr unsigned char kBackspace = 0x08, kEscape = 0x1b, kBell = 0x07;

// What journald takes for text: no control character of either set, no noncharacter.
bool is_printable(char32_t c) {
    return c >= 0x20 && !(c >= 0x7f && c < 0xa0);
}

std::string utf8_of(std::u32string_view characters) {
    std::string text;
    text.reserve(characters.size());
    for (char32_t c : characters)
        append_utf8(text, c);
    return text;
}

bool is_character(char32_t c) {
    return c <= 0x10ffff && !(c >= 0xd800 && c <= 0xdfff) && !(c >= 0xfdd0 && c <= 0xfdef) &&
           (c & 0xfffe) != 0xfffe;
}

}  // namespace

void ConsoleLines::feed(std::string_view bytes) {
    for (char c : bytes)
        take_byte(static_cast<unsigned char>(c));
}

void ConsoleLines::flush_partial() {
    break_line();
}

void ConsoleLines::take_byte(unsigned char byte) {
    switch (state_) {
        case State::text:
            take_text_byte(byte);
            return;
        case State::escape:
            sequence_ = 0;
            parameters_.clear();
            if (byte == '[')
                state_ = State::csi;
            else if (byte == ']' || byte == 'P' || byte == 'X' || byte == '^' || byte == '_')
                state_ = State::string;
            else if (byte >= 0x20 && byte < 0x30)
                state_ = State::escape_rest;
            else if (byte >= 0x30 && byte < 0x7f)
                state_ = State::text;
            else
                state_ = State::text, take_text_byte(byte);
            return;
        case State::escape_rest:  // "ESC ( B": bytes up to a final one
            if (byte >= 0x30 && byte < 0x7f)
                state_ = State::text;
            else if (byte < 0x20 || byte >= 0x7f)
                state_ = State::text, take_text_byte(byte);
            return;
        case State::csi:
            if (byte >= 0x40 && byte < 0x7f) {
                state_ = State::text;
                run_csi(byte);
            } else if (byte < 0x20 || byte >= 0x7f || ++sequence_ > kSequenceMax) {
                state_ = State::text;  // no sequence: the guest was cut short in the middle of one
                take_text_byte(byte);
            } else {
                parameters_ += static_cast<char>(byte);
            }
            return;
        case State::string:
            if (byte == kEscape)
                state_ = State::string_escape;
            else if (byte == '\n')  // of a guest that was cut short
                state_ = State::text, take_text_byte(byte);
            else if (byte == kBell || ++sequence_ > kStringMax)
                state_ = State::text;
            return;
        case State::string_escape:
            state_ = State::text;
            if (byte != '\\') {  // "ESC \" ends a string, any other escape begins anew
                state_ = State::escape;
                take_byte(byte);
            }
            return;
    }
}

void ConsoleLines::take_text_byte(unsigned char byte) {
    if (missing_ > 0) {
        if (continues_utf8(static_cast<char>(byte))) {
            character_ = (character_ << 6) | (byte & 0x3fu);
            if (--missing_ == 0)
                put(character_ >= smallest_ && is_character(character_) ? character_
                                                                        : kReplacement);
            return;
        }
        missing_ = 0;
        put(kReplacement);
    }
    const auto begin = [&](char32_t bits, unsigned missing, char32_t smallest) {
        character_ = bits;
        missing_ = missing;
        smallest_ = smallest;
    };
    if (byte < 0x20 || byte == 0x7f)
        take_control(byte);
    else if (byte < 0x80)
        put(byte);
    else if (byte >= 0xc2 && byte < 0xe0)
        begin(byte & 0x1fu, 1, 0x80);
    else if (byte >= 0xe0 && byte < 0xf0)
        begin(byte & 0x0fu, 2, 0x800);
    else if (byte >= 0xf0 && byte < 0xf5)
        begin(byte & 0x07u, 3, 0x10000);
    else
        put(kReplacement);
}

void ConsoleLines::take_control(unsigned char byte) {
    switch (byte) {
        case '\n':
            emit();
            break;
        case '\r':
            column_ = 0;
            break;
        case kBackspace:
            if (column_ > 0)
                --column_;
            break;
        case '\t':
            put('\t');
            break;
        case kEscape:
            state_ = State::escape;
            break;
        default:  // NUL, bell and the like leave no mark on a screen
            break;
    }
}

void ConsoleLines::put(char32_t character) {
    if (!is_printable(character) && character != '\t')
        return;
    if (cells_.size() < column_)
        cells_.resize(column_, U' ');
    if (column_ < cells_.size())
        cells_[column_] = character;
    else
        cells_ += character;
    if (++column_ >= kLineMax)
        break_line();
}

// Within the line the cursor moves as on a screen; a movement out of the line ends the line.
void ConsoleLines::run_csi(unsigned char final) {
    std::size_t number = 0;
    const bool has_number =
        std::from_chars(parameters_.data(), parameters_.data() + parameters_.size(), number).ec ==
        std::errc{};
    const std::size_t count = std::min(has_number && number > 0 ? number : 1, kLineMax);
    const std::size_t from = std::min(column_, cells_.size());
    switch (final) {
        case 'J':
            if (number != 0) {
                leave_line();
                break;
            }
            [[fallthrough]];
        case 'K':
            if (number == 0)
                cells_.resize(from);
            else if (number == 1)
                std::fill_n(cells_.begin(), std::min(column_ + 1, cells_.size()), U' ');
            else
                cells_.clear();
            break;
        case 'C':
            column_ = std::min(column_ + count, kLineMax - 1);
            break;
        case 'D':
            column_ -= std::min(column_, count);
            break;
        case 'G':
            column_ = std::min(count - 1, kLineMax - 1);
            break;
        case 'P':
            cells_.erase(from, count);
            break;
        case '@':
            if (from < cells_.size()) {
                cells_.insert(from, count, U' ');
                cells_.resize(std::min(cells_.size(), kLineMax));
            }
            break;
        case 'X':
            std::fill_n(cells_.begin() + static_cast<std::ptrdiff_t>(from),
                        std::min(count, cells_.size() - from), U' ');
            break;
        case 'A':
        case 'B':
        case 'E':
        case 'F':
        case 'H':
        case 'd':
        case 'f':
            leave_line();
            break;
        default:  // colours, modes
            break;
    }
}

void ConsoleLines::break_line() {
    if (has_partial())
        emit();
    column_ = 0;
}

// A program that moves over the screen paints it: blanks, and the sides of frames, such as those
// of GRUB's menu, say nothing.
void ConsoleLines::leave_line() {
    cells_.resize(cells_.find_last_not_of(U' ') + 1);
    if (cells_ == U"|" || cells_ == U"│")
        cells_.clear();
    break_line();
}

std::string ConsoleLines::partial_tail(std::size_t at_most) const {
    const std::u32string_view cells = cells_;
    return utf8_of(cells.substr(cells.size() - std::min(at_most, cells.size())));
}

void ConsoleLines::emit() {
    const std::u32string cells = std::exchange(cells_, {});
    column_ = 0;
    sink_(utf8_of(cells));
}

}  // namespace qemunit
