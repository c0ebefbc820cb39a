// SPDX-License-Identifier: MIT
#include "ctl/top/top_keys.h"

#include <array>
#include <utility>

namespace qemunit::ctl {

namespace {

using KeyKind = TopKey::Kind;

// Behind "\x1b[" or "\x1bO", as xterm(1), linux(4) and tmux(1) send them.
constexpr std::array<std::pair<std::string_view, KeyKind>, 10> kSequences = {
    {{"A", KeyKind::up},
     {"B", KeyKind::down},
     {"H", KeyKind::home},
     {"F", KeyKind::end},
     {"1~", KeyKind::home},
     {"4~", KeyKind::end},
     {"7~", KeyKind::home},
     {"8~", KeyKind::end},
     {"5~", KeyKind::page_up},
     {"6~", KeyKind::page_down}}};

constexpr std::size_t kSequenceMax = 16;

// The length of the sequence at the beginning; 0: the rest is still to come.
std::size_t sequence_length(std::string_view bytes) {
    if (bytes.size() < 2)
        return 0;
    if (bytes[1] != '[' && bytes[1] != 'O')
        return 1;  // Escape, and then another key
    for (std::size_t i = 2; i < bytes.size() && i < kSequenceMax; ++i)
        if (bytes[i] >= '@' && bytes[i] <= '~')
            return i + 1;
    return bytes.size() >= kSequenceMax ? kSequenceMax : 0;
}

TopKey sequence_key(std::string_view sequence) {
    if (sequence.size() == 1)
        return {KeyKind::escape};
    for (const auto &[end, kind] : kSequences)
        if (sequence.substr(2) == end)
            return {kind};
    return {KeyKind::other};
}

TopKey plain_key(char c) {
    if (c == '\r' || c == '\n')
        return {KeyKind::enter};
    if (c == '\x7f' || c == '\b')
        return {KeyKind::erase};
    return {KeyKind::character, c};
}

}  // namespace

std::vector<TopKey> take_keys(std::string &bytes, bool is_all) {
    std::vector<TopKey> keys;
    std::string_view rest = bytes;
    while (!rest.empty()) {
        if (rest.front() != '\x1b') {
            keys.push_back(plain_key(rest.front()));
            rest.remove_prefix(1);
            continue;
        }
        std::size_t length = sequence_length(rest);
        if (length == 0) {
            if (!is_all)
                break;
            length = 1;
        }
        keys.push_back(sequence_key(rest.substr(0, length)));
        rest.remove_prefix(length);
    }
    bytes = std::string(rest);
    return keys;
}

}  // namespace qemunit::ctl
