// SPDX-License-Identifier: MIT
//
// The screen of `qemunitctl top` as lines of text, for any size of terminal. Whatever a guest or
// its QEMU has named, a line holds printable ASCII only, and as much of it as there is room for.
// Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ctl/top/top_rows.h"

namespace qemunit::ctl {

struct TopView {
    std::size_t width = 80, height = 24;
    TopSort sort = TopSort::cpu;
    bool reverse = false;
    std::string filter;
    bool types_filter = false;  // keys go into the filter
    std::string selected;       // the name of a VM
    std::size_t first = 0;      // the first row that is shown
    std::string message;        // in place of the keys
    std::string trouble;        // before them: why the figures are old, or not all there
};

struct TopScreen {
    std::vector<std::string> lines;
    std::size_t head = 0;             // the line with the columns' names
    std::size_t selected = SIZE_MAX;  // the line of the VM that is selected; SIZE_MAX: none
};

// `all`: not filtered yet, sorted. Moves `view` so that the VM that is selected is to be seen.
TopScreen top_screen(TopView &view, const std::vector<TopRow> &all);

// The VM so many rows below the one that is selected, or above: within the list.
void move_selection(TopView &view, const std::vector<TopRow> &shown, std::ptrdiff_t by);

// The same once, for a pipe: all columns, no selection.
std::string top_table(const std::vector<TopRow> &rows);
std::string top_json(const std::vector<TopRow> &rows);

}  // namespace qemunit::ctl
