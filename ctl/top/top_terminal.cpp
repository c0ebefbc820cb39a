// SPDX-License-Identifier: MIT
#include "ctl/top/top_terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "ctl/output/safe_output.h"

namespace qemunit::ctl {

namespace {

// The alternate screen, no cursor, no new line at the right edge; and back.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";

void put(std::string_view text) {
    std::fflush(stdout);
    FILE *terminal = terminal_output();
    std::fwrite(text.data(), 1, text.size(), terminal);
    std::fflush(terminal);
}

}  // namespace

Result<TopTerminal> TopTerminal::enter() {
    const char *type = getenv("TERM");
    if (isatty(STDIN_FILENO) != 1 || isatty(STDOUT_FILENO) != 1 || !type ||
        std::string_view(type) == "dumb")
        return fail(ENOTTY, "this is no terminal to draw on; use: qemunitctl top --once");
    auto raw = RawTerminal::enter(STDIN_FILENO);
    if (!raw)
        return std::unexpected(raw.error());
    put(kEnter);
    return TopTerminal(std::move(*raw));
}

TopTerminal::~TopTerminal() {
    if (is_entered_)
        put(kLeave);
}

std::pair<std::size_t, std::size_t> TopTerminal::size() {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        return {80, 24};
    return {size.ws_col, size.ws_row};
}

std::string drawn(const TopScreen &screen) {
    std::string text = "\x1b[H";
    for (std::size_t i = 0; i < screen.lines.size(); ++i) {
        const bool is_marked = i == screen.selected || i == screen.head;
        text += i == 0 ? "" : "\r\n";
        text += i == screen.selected ? "\x1b[7m" : i == screen.head ? "\x1b[1m" : "";
        text += screen.lines[i];
        text += is_marked ? "\x1b[0m\x1b[K" : "\x1b[K";
    }
    return text + "\x1b[J";
}

void TopTerminal::draw(const TopScreen &screen) const {
    put(drawn(screen));
}

}  // namespace qemunit::ctl
