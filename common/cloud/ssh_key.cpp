// SPDX-License-Identifier: MIT
#include "common/cloud/ssh_key.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

#include "common/ascii.h"

namespace qemunit {

namespace {

std::optional<std::string> decode_base64(std::string_view text) {
    std::string bytes;
    uint32_t bits = 0;
    unsigned count = 0;
    if (text.size() % 4 != 0)
        return std::nullopt;
    for (int pads = 0; pads < 2 && text.ends_with('='); ++pads)
        text.remove_suffix(1);
    for (const char c : text) {
        unsigned value = 0;
        if (c >= 'A' && c <= 'Z')
            value = static_cast<unsigned>(c - 'A');
        else if (is_lower_letter(c))
            value = static_cast<unsigned>(c - 'a') + 26;
        else if (is_digit(c))
            value = static_cast<unsigned>(c - '0') + 52;
        else if (c == '+' || c == '/')
            value = c == '+' ? 62 : 63;
        else
            return std::nullopt;
        bits = bits << 6 | value;
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes += static_cast<char>(bits >> count & 0xff);
        }
    }
    return bytes;
}

// The first word; what is behind it stays in `text`. White space in quotes is the word's.
std::string_view take_word(std::string_view &text) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
    bool is_quoted = false;
    std::size_t end = 0;
    for (; end < text.size(); ++end) {
        if (text[end] == '"' && (end == 0 || text[end - 1] != '\\'))
            is_quoted = !is_quoted;
        if (!is_quoted && (text[end] == ' ' || text[end] == '\t'))
            break;
    }
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end);
    return word;
}

// RFC 4253, 6.6: the key begins with its type, a string with its length before it.
bool is_key_of_type(std::string_view type, std::string_view base64) {
    const auto key = decode_base64(base64);
    if (type.empty() || !key || key->size() <= 4 + type.size())
        return false;
    const std::string_view bytes = *key;
    uint32_t length = 0;
    for (const char c : bytes.substr(0, 4))
        length = length << 8 | static_cast<unsigned char>(c);
    return length == type.size() && bytes.substr(4, length) == type;
}

}  // namespace

bool is_ssh_key(std::string_view line) {
    for (const char c : line)
        if (static_cast<unsigned char>(c) < ' ' && c != '\t')
            return false;
    const std::string_view first = take_word(line);
    std::string_view rest = line;
    if (is_key_of_type(first, take_word(rest)))
        return true;
    const std::string_view second = take_word(line);  // `first` are options
    return is_key_of_type(second, take_word(line));
}

bool is_private_key(std::string_view text) {
    return text.contains("PRIVATE KEY-----");
}

Result<std::vector<std::string>> ssh_keys_in(std::string_view path, std::string_view text) {
    std::vector<std::string> keys;
    const std::string file(path);
    if (is_private_key(text))
        return fail(EINVAL, file +
                                " is a private key, which stays with you; the public one is "
                                "usually in " +
                                file + ".pub");
    for (unsigned number = 1; !text.empty(); ++number) {
        std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(line.size() + 1, text.size()));
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
        if (line.empty() || line.starts_with('#'))
            continue;
        if (!is_ssh_key(line))
            return fail(EINVAL, file + ":" + std::to_string(number) + ": not a public key of SSH");
        if (std::ranges::find(keys, line) == keys.end())
            keys.emplace_back(line);
    }
    if (keys.empty())
        return fail(EINVAL, file + " has no public key of SSH; `ssh-keygen` makes one");
    return keys;
}

}  // namespace qemunit
