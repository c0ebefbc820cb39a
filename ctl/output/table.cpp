// SPDX-License-Identifier: MIT
#include "ctl/output/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "common/timer.h"

namespace qemunit::ctl {

namespace {

// A newline in a name from QEMU or an image must not begin a row.
std::string in_one_line(std::string text) {
    std::ranges::replace_if(
        text, [](char c) { return c == '\n' || c == '\r' || c == '\t'; }, ' ');
    return text;
}

}  // namespace

std::string table_text(const std::vector<std::vector<std::string>> &rows) {
    std::vector<std::size_t> widths;
    for (const auto &row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], row[i].size());
    }
    std::string text;
    for (const auto &row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            line += fmt::format("{:<{}}", in_one_line(row[i]), widths[i] + 2);
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    }
    return text;
}

std::string duration_text(uint64_t usec) {
    constexpr std::array<std::pair<uint64_t, const char *>, 5> kUnits{
        {{7 * 24 * 3600, "w"}, {24 * 3600, "d"}, {3600, "h"}, {60, "min"}, {1, "s"}}};
    uint64_t seconds = usec / kSecond;
    std::string text;
    for (const auto &[length, name] : kUnits) {
        const bool is_last = !text.empty();
        if (seconds >= length)
            text += fmt::format("{}{}{}", is_last ? " " : "", seconds / length, name);
        if (is_last)
            return text;
        seconds %= length;
    }
    return text.empty() ? "0s" : text;
}

std::string size_text(uint64_t bytes) {
    constexpr std::array<std::pair<uint64_t, char>, 4> kUnits{
        {{uint64_t{1} << 40, 'T'}, {1u << 30, 'G'}, {1u << 20, 'M'}, {1u << 10, 'K'}}};
    for (const auto &[size, letter] : kUnits)
        if (bytes >= size)
            return fmt::format("{:.1f}{}", static_cast<double>(bytes) / static_cast<double>(size),
                               letter);
    return fmt::format("{}B", bytes);
}

}  // namespace qemunit::ctl
