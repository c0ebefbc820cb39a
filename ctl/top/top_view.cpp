// SPDX-License-Identifier: MIT
#include "ctl/top/top_view.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

#include "ctl/output/table.h"

namespace qemunit::ctl {

namespace {

constexpr char kNone[] = "-";
// Above and below the rows: totals, an empty line, the head; the keys.
constexpr std::size_t kLinesAround = 4;

std::string percent_text(const std::optional<double> &percent) {
    return percent ? fmt::format("{:.1f}", *percent) : kNone;
}

std::string bytes_text(const std::optional<uint64_t> &bytes) {
    return bytes ? size_text(*bytes) : kNone;
}

std::string rate_text(const std::optional<double> &rate) {
    return rate ? size_text(static_cast<uint64_t>(*rate)) : kNone;
}

std::string state_text(const TopRow &row) {
    return row.hangs ? row.state + ", hangs" : row.state;
}

struct Column {
    std::string_view head;
    std::size_t width;
    bool is_left;
    int rank;  // the larger, the earlier it goes where there is little room
    std::string (*text)(const TopRow &row);
};

constexpr std::array<Column, 12> kColumns = {{
    {"VM", 16, true, 0,
     [](const TopRow &row) {
         return row.name;
     }},
    {"STATE", 9, true, 3,
     [](const TopRow &row) {
         return state_text(row);
     }},
    {"CPU%", 6, false, 1,
     [](const TopRow &row) {
         return percent_text(row.cpu);
     }},
    {"GUEST%", 6, false, 8,
     [](const TopRow &row) {
         return percent_text(row.guest);
     }},
    {"QEMU%", 6, false, 9,
     [](const TopRow &row) {
         return percent_text(row.qemu);
     }},
    {"STEAL%", 6, false, 7,
     [](const TopRow &row) {
         return percent_text(row.steal);
     }},
    {"MEMORY", 7, false, 2,
     [](const TopRow &row) {
         return bytes_text(row.memory);
     }},
    {"BALLOON", 7, false, 10,
     [](const TopRow &row) {
         return bytes_text(row.balloon ? row.balloon : row.guest_memory);
     }},
    {"READ/s", 7, false, 4,
     [](const TopRow &row) {
         return rate_text(row.read);
     }},
    {"WRITE/s", 7, false, 4,
     [](const TopRow &row) {
         return rate_text(row.written);
     }},
    {"RX/s", 7, false, 5,
     [](const TopRow &row) {
         return rate_text(row.received);
     }},
    {"TX/s", 7, false, 5,
     [](const TopRow &row) {
         return rate_text(row.sent);
     }},
}};
constexpr Column kSwap = {"SWAP", 7, false, 11, [](const TopRow &row) {
                              return bytes_text(row.swap);
                          }};
constexpr Column kUptime = {"UPTIME", 8, false, 6, [](const TopRow &row) {
                                return row.up_usec ? duration_text(*row.up_usec)
                                                   : std::string(kNone);
                            }};

// What a terminal shows as one column each.
std::string plain(std::string_view text) {
    std::string shown(text);
    std::ranges::replace_if(
        shown, [](char c) { return c < ' ' || c > '~'; }, '?');
    return shown;
}

std::string cell(std::string_view text, std::size_t width, bool is_left) {
    const std::string shown = plain(text).substr(0, width);
    return is_left ? fmt::format("{:<{}}", shown, width) : fmt::format("{:>{}}", shown, width);
}

// In the order of the screen, those for which there is room.
std::vector<Column> columns_for(std::size_t width) {
    std::vector<Column> columns(kColumns.begin(), kColumns.end());
    columns.insert(columns.begin() + 8, kSwap);
    columns.push_back(kUptime);
    const auto taken = [&columns] {
        std::size_t sum = columns.size() - 1;
        for (const Column &column : columns)
            sum += column.width;
        return sum;
    };
    while (columns.size() > 1 && taken() > width) {
        const int last = std::ranges::max(columns, {}, &Column::rank).rank;
        std::erase_if(columns, [last](const Column &column) { return column.rank == last; });
    }
    // What is left is the names'.
    columns.front().width = columns.size() == 1 ? width : columns.front().width + width - taken();
    columns.front().width =
        std::min<std::size_t>(columns.front().width, std::max<std::size_t>(width, 1));
    columns.front().width = std::min<std::size_t>(columns.front().width, 64);
    return columns;
}

std::string line_of(const std::vector<Column> &columns, const TopRow *row) {
    std::string line;
    for (const Column &column : columns)
        line += (line.empty() ? "" : " ") + cell(row ? column.text(*row) : std::string(column.head),
                                                 column.width, column.is_left);
    return line;
}

std::string summary(const std::vector<TopRow> &all) {
    const auto up = static_cast<std::size_t>(
        std::ranges::count_if(all, [](const TopRow &row) { return row.memory.has_value(); }));
    const TopRow total = top_total(all);
    return fmt::format(
        "{} VMs, {} up   CPU {}%  steal {}%   memory {}  swap {}   disk {}/s  network {}/s",
        all.size(), up, percent_text(total.cpu), percent_text(total.steal),
        bytes_text(total.memory), bytes_text(total.swap),
        rate_text(total.read.value_or(0) + total.written.value_or(0)),
        rate_text(total.received.value_or(0) + total.sent.value_or(0)));
}

std::string last_line(const TopView &view) {
    if (!view.message.empty())
        return view.message;
    if (view.types_filter)
        return "Filter: " + view.filter + "_";
    std::string text = view.trouble.empty() ? "" : view.trouble + "; ";
    if (!view.filter.empty())
        text += "filter '" + view.filter + "'; ";
    return text + fmt::format("by {}{}: ncmdtu r  / filter  Enter console  l log  s stop  q quit",
                              top_sort_name(view.sort), view.reverse ? ", reversed" : "");
}

nlohmann::ordered_json json_of(const auto &value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

}  // namespace

TopScreen top_screen(TopView &view, const std::vector<TopRow> &all) {
    const std::vector<TopRow> rows = filtered_rows(all, view.filter);
    const std::size_t room = view.height > kLinesAround ? view.height - kLinesAround : 1;
    auto at = std::ranges::find(rows, view.selected, &TopRow::name);
    if (at == rows.end() && !rows.empty())
        at = rows.begin();
    const std::size_t chosen = static_cast<std::size_t>(at - rows.begin());
    view.selected = rows.empty() ? "" : at->name;
    view.first = std::min(view.first, rows.size() > room ? rows.size() - room : 0);
    if (chosen < view.first)
        view.first = chosen;
    if (chosen >= view.first + room)
        view.first = chosen - room + 1;

    TopScreen screen;
    const std::vector<Column> columns = columns_for(view.width);
    screen.lines = {summary(all), ""};
    screen.head = screen.lines.size();
    screen.lines.push_back(line_of(columns, nullptr));
    for (std::size_t i = view.first; i < rows.size() && i < view.first + room; ++i) {
        if (i == chosen)
            screen.selected = screen.lines.size();
        screen.lines.push_back(line_of(columns, &rows[i]));
    }
    while (screen.lines.size() + 1 < view.height)
        screen.lines.emplace_back();
    screen.lines.push_back(last_line(view));
    for (std::string &line : screen.lines)
        line = plain(line).substr(0, view.width);
    if (screen.lines.size() > view.height)
        screen.lines.resize(view.height);
    if (screen.selected >= screen.lines.size())
        screen.selected = SIZE_MAX;
    return screen;
}

void move_selection(TopView &view, const std::vector<TopRow> &shown, std::ptrdiff_t by) {
    if (shown.empty())
        return;
    const auto at = std::ranges::find(shown, view.selected, &TopRow::name);
    const std::ptrdiff_t last = std::ssize(shown) - 1;
    const std::ptrdiff_t now = at == shown.end() ? 0 : at - shown.begin();
    const std::ptrdiff_t next = by > last ? last : by < -last ? 0 : now + by;
    view.selected = shown[static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(next, 0, last))].name;
}

std::string top_table(const std::vector<TopRow> &rows) {
    std::vector<Column> columns(kColumns.begin(), kColumns.end());
    columns.insert(columns.begin() + 8, kSwap);
    columns.push_back(kUptime);
    std::vector<std::vector<std::string>> table(1);
    for (const Column &column : columns)
        table.front().emplace_back(column.head);
    for (const TopRow &row : rows) {
        table.emplace_back();
        for (const Column &column : columns)
            table.back().push_back(column.text(row));
    }
    return table_text(table);
}

std::string top_json(const std::vector<TopRow> &rows) {
    auto list = nlohmann::ordered_json::array();
    for (const TopRow &row : rows) {
        nlohmann::ordered_json vm{{"name", row.name}, {"state", row.state}, {"hangs", row.hangs}};
        vm["uptime_usec"] = json_of(row.up_usec);
        vm["cpu_percent"] = json_of(row.cpu);
        vm["guest_cpu_percent"] = json_of(row.guest);
        vm["qemu_cpu_percent"] = json_of(row.qemu);
        vm["steal_percent"] = json_of(row.steal);
        vm["memory_bytes"] = json_of(row.memory);
        vm["guest_memory_bytes"] = json_of(row.guest_memory);
        vm["balloon_bytes"] = json_of(row.balloon);
        vm["swap_bytes"] = json_of(row.swap);
        vm["read_bytes_per_second"] = json_of(row.read);
        vm["written_bytes_per_second"] = json_of(row.written);
        vm["received_bytes_per_second"] = json_of(row.received);
        vm["sent_bytes_per_second"] = json_of(row.sent);
        list.push_back(std::move(vm));
    }
    return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace qemunit::ctl
