// SPDX-License-Identifier: MIT
#include "common/qmp/hmp_text.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace qemunit {

namespace {

std::string clean(std::string_view output) {
    std::string text;
    text.reserve(output.size());
    for (std::size_t i = 0; i < output.size(); ++i)
        if (!output.substr(i).starts_with("\r\n"))
            text += output[i];
    if (text.ends_with('\n'))
        text.pop_back();
    return text;
}

std::string_view last_line(std::string_view text) {
    return text.substr(text.rfind('\n') + 1);
}

constexpr std::string_view kError = "Error: ";

// Where the last line begins that tells of an error, or npos. Lines of error_report() may come
// before it, and of a hint after it.
std::size_t find_error(std::string_view text) {
    std::size_t at = text.rfind(kError);
    while (at != text.npos && at > 0 && text[at - 1] != '\n')
        at = text.rfind(kError, at - 1);
    return at;
}

// QEMU's words: error_report_err() in hmp_handle_error(), and monitor_parse_command(),
// handle_hmp_command() in monitor/hmp.c.
bool is_error(std::string_view text) {
    const std::string_view last = last_line(text);
    return find_error(text) != text.npos || text.starts_with("unknown command: '") ||
           (last.starts_with("Try \"help ") && last.ends_with("\" for more information"));
}

}  // namespace

bool is_hmp_text(const std::string &line) {
    using nlohmann::json;
    const std::string quoted = json(line).dump(-1, ' ', false, json::error_handler_t::ignore);
    return line.find('\0') == line.npos && json::parse(quoted, nullptr, false) == json(line);
}

bool is_hmp_quit(std::string_view line) {
    const std::size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
    const std::string_view word = line.substr(begin, line.find_last_not_of(" \t") + 1 - begin);
    return word == "quit" || word == "q";
}

bool is_hmp_load(std::string_view line) {
    constexpr std::string_view kCommand = "loadvm";
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    return line.starts_with(kCommand) &&
           line.find_first_of(" \t", kCommand.size()) == kCommand.size();
}

std::string_view hmp_error(std::string_view text) {
    const std::size_t at = find_error(text);
    if (at == text.npos)
        return {};
    text.remove_prefix(at + kError.size());
    return text.substr(0, text.find('\n'));
}

std::expected<std::string, std::string> hmp_result(std::string_view output) {
    std::string text = clean(output);
    if (is_error(text))
        return std::unexpected(std::move(text));
    return text;
}

}  // namespace qemunit
