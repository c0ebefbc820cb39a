// SPDX-License-Identifier: MIT
#include "ctl/top/top_view.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "ctl/top/top_terminal.h"

namespace qemunit::ctl {
namespace {

std::vector<TopRow> some_rows(int count) {
    std::vector<TopRow> rows;
    for (int i = 0; i < count; ++i) {
        TopRow row;
        row.name = fmt::format("vm{:03}", i);
        row.state = "running";
        row.cpu = i;
        row.memory = 1 << 20;
        rows.push_back(row);
    }
    return rows;
}

TEST(TopViewTest, AScreen) {
    TopRow row;
    row.name = "web";
    row.state = "running";
    row.cpu = 12.34;
    row.guest = 10;
    row.qemu = 2.34;
    row.memory = 512 << 20;
    row.guest_memory = 1 << 30;
    row.read = 2048;
    row.up_usec = 3'600'000'000;
    TopView view;
    view.width = 132;
    view.height = 6;
    const TopScreen screen = top_screen(view, {row});
    EXPECT_EQ(
        screen.lines,
        (std::vector<std::string>{
            "1 VMs, 1 up   CPU 12.3%  steal -%   memory 512.0M  swap -   disk 2.0K/s  network 0B/s",
            "",
            "VM                            STATE       CPU% GUEST%  QEMU% STEAL%  MEMORY BALLOON   "
            " "
            "SWAP  READ/s WRITE/s    RX/s    TX/s   UPTIME",
            "web                           running     12.3   10.0    2.3      -  512.0M    1.0G   "
            " "
            "   -    2.0K       -       -       -       1h",
            "", "by cpu: ncmdtu r  / filter  Enter console  l log  s stop  q quit"}));
    EXPECT_EQ(screen.head, 2u);
    EXPECT_EQ(screen.selected, 3u);
    EXPECT_EQ(view.selected, "web");
}

TEST(TopViewTest, AnySizeOfTerminal) {
    auto rows = some_rows(300);
    rows[7].name = std::string(64, 'n');
    rows[8].state = "internal-error-and-more";
    for (const std::size_t width : {1u, 2u, 10u, 17u, 20u, 40u, 79u, 80u, 81u, 120u, 500u})
        for (const std::size_t height : {1u, 2u, 3u, 4u, 5u, 24u, 500u}) {
            TopView view;
            view.width = width;
            view.height = height;
            view.selected = "vm299";
            const TopScreen screen = top_screen(view, rows);
            EXPECT_LE(screen.lines.size(), height);
            for (const std::string &line : screen.lines)
                EXPECT_LE(line.size(), width) << line;
            if (height >= 5) {
                ASSERT_LT(screen.selected, screen.lines.size()) << width << "x" << height;
                if (width >= 17) {
                    EXPECT_TRUE(screen.lines[screen.selected].starts_with("vm299"));
                }
            }
        }
}

TEST(TopViewTest, WhatIsAmissStandsBeforeTheKeys) {
    TopView view;
    view.trouble = "qemunitd does not answer";
    EXPECT_TRUE(top_screen(view, some_rows(1))
                    .lines.back()
                    .starts_with("qemunitd does not answer; by cpu: "));
    view.message = "Stop VM 'vm000'? y/n";
    EXPECT_EQ(top_screen(view, some_rows(1)).lines.back(), view.message);
}

TEST(TopViewTest, TheNameIsTheLastThatGoes) {
    TopView view;
    view.height = 6;
    view.width = 24;
    EXPECT_EQ(top_screen(view, some_rows(1)).lines[2], "VM                  CPU%");
    view.width = 8;
    EXPECT_EQ(top_screen(view, some_rows(1)).lines[2], "VM      ");
}

TEST(TopViewTest, WhateverAQemuSaysTheTerminalShows) {
    auto rows = some_rows(1);
    rows[0].state = "\x1b[2Jx\n\xff\xc2\x9b\u202e";
    TopView view;
    view.filter = "";
    view.trouble = view.message = "\x1b]0;title\x07";
    const TopScreen screen = top_screen(view, rows);
    for (const std::string &line : screen.lines)
        EXPECT_TRUE(std::ranges::all_of(line, [](char c) { return c >= ' ' && c <= '~'; })) << line;
    // All that the terminal obeys is ours.
    std::string text = drawn(screen);
    for (const std::string ours :
         {"\x1b[H", "\x1b[7m", "\x1b[1m", "\x1b[0m", "\x1b[K", "\x1b[J", "\r\n"})
        for (std::size_t at; (at = text.find(ours)) != text.npos;)
            text.erase(at, ours.size());
    EXPECT_TRUE(std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; }));
    EXPECT_EQ(top_table(rows).find('\n', top_table(rows).find('\n') + 1),
              top_table(rows).size() - 1);
}

TEST(TopViewTest, TheSelectionStaysOnItsVmAndOnTheScreen) {
    const auto rows = some_rows(50);
    TopView view;
    view.height = 10;
    top_screen(view, rows);
    EXPECT_EQ(view.selected, "vm000");
    move_selection(view, rows, 9);
    EXPECT_EQ(view.selected, "vm009");
    EXPECT_EQ(top_screen(view, rows).selected, 8u);
    move_selection(view, rows, PTRDIFF_MAX);
    EXPECT_EQ(view.selected, "vm049");
    top_screen(view, rows);
    EXPECT_EQ(view.first, 44u);
    move_selection(view, rows, -1);
    EXPECT_EQ(view.selected, "vm048");
    move_selection(view, rows, PTRDIFF_MIN + 1);
    EXPECT_EQ(view.selected, "vm000");
    view.selected = "vm030";
    view.filter = "vm03";
    EXPECT_EQ(top_screen(view, rows).selected, 3u);
    view.filter = "none";
    EXPECT_EQ(top_screen(view, rows).selected, SIZE_MAX);
    EXPECT_EQ(view.selected, "");
    move_selection(view, {}, 1);
}

TEST(TopViewTest, Json) {
    auto rows = some_rows(1);
    rows[0].read = 1.5;
    EXPECT_EQ(top_json(rows), R"([
  {
    "name": "vm000",
    "state": "running",
    "hangs": false,
    "uptime_usec": null,
    "cpu_percent": 0.0,
    "guest_cpu_percent": null,
    "qemu_cpu_percent": null,
    "steal_percent": null,
    "memory_bytes": 1048576,
    "guest_memory_bytes": null,
    "balloon_bytes": null,
    "swap_bytes": null,
    "read_bytes_per_second": 1.5,
    "written_bytes_per_second": null,
    "received_bytes_per_second": null,
    "sent_bytes_per_second": null
  }
]
)");
}

}  // namespace
}  // namespace qemunit::ctl
