// SPDX-License-Identifier: MIT
#include "common/hmp_text.h"

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

// QEMU's words: error_report_err() in hmp_handle_error(), and monitor_parse_command(),
// handle_hmp_command() in monitor/hmp.c.
bool is_error(std::string_view text) {
    const std::string_view last = last_line(text);
    return text.starts_with("Error: ") || text.starts_with("unknown command: '") ||
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

std::expected<std::string, std::string> hmp_result(std::string_view output) {
    std::string text = clean(output);
    if (is_error(text))
        return std::unexpected(std::move(text));
    return text;
}

}  // namespace qemunit
