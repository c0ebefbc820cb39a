// SPDX-License-Identifier: MIT
#include "ctl/monitor/line_editor.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <histedit.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "ctl/output/safe_output.h"

namespace qemunit::ctl {

namespace {

constexpr int kHistorySize = 500;

}  // namespace

struct LineEditor::Editor {
    struct EditLineDeleter {
        void operator()(EditLine *line) const { el_end(line); }
    };
    struct HistoryDeleter {
        void operator()(History *lines) const { history_end(lines); }
    };

    static Editor &of(EditLine *line) {
        void *self = nullptr;
        el_get(line, EL_CLIENTDATA, &self);
        return *static_cast<Editor *>(self);
    }

    static char *get_prompt(EditLine *line) { return of(line).prompt.data(); }

    static unsigned char on_tab(EditLine *line, int) {
        const LineInfo *info = el_line(line);
        const Completion completion = of(line).completer(
            {info->buffer, static_cast<std::size_t>(info->cursor - info->buffer)});
        if (!completion.choices.empty()) {
            fmt::print("\n{}\n", fmt::join(completion.choices, "  "));
            std::fflush(stdout);
            return CC_REDISPLAY;
        }
        if (completion.insert.empty() || el_insertstr(line, completion.insert.c_str()) != 0)
            return CC_REFRESH_BEEP;
        return CC_REFRESH;
    }

    // While a command runs, the terminal is as the shell left it, and a Ctrl-D that is typed then
    // is read as NUL afterwards (__DISABLED_CHAR in the kernel's n_tty.c). Ctrl-Space is NUL as
    // well; in a line that is typed now, NUL ends nothing.
    static unsigned char on_nul(EditLine *line, int) {
        const LineInfo *info = el_line(line);
        return of(line).has_typed_ahead && info->lastchar == info->buffer ? CC_EOF : CC_NORM;
    }

    std::string prompt;
    std::function<Completion(std::string_view)> completer;
    std::unique_ptr<History, HistoryDeleter> lines{history_init()};
    std::unique_ptr<EditLine, EditLineDeleter> line{
        el_init("qemunitctl", stdin, terminal_output(), stderr)};
    bool has_typed_ahead = false;  // of this line
};

LineEditor::LineEditor(std::string prompt, std::function<Completion(std::string_view)> completer) {
    if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0)
        return;
    editor_ = std::make_unique<Editor>(std::move(prompt), std::move(completer));
    EditLine *line = editor_->line.get();
    HistEvent event{};
    history(editor_->lines.get(), &event, H_SETSIZE, kHistorySize);
    history(editor_->lines.get(), &event, H_SETUNIQUE, 1);
    el_set(line, EL_CLIENTDATA, editor_.get());
    el_set(line, EL_PROMPT, Editor::get_prompt);
    el_set(line, EL_EDITOR, "emacs");
    el_set(line, EL_SIGNAL, 1);  // a signal finds the terminal as it was
    el_set(line, EL_HIST, history, editor_->lines.get());
    el_set(line, EL_ADDFN, "qemunit-complete", "Complete a command", Editor::on_tab);
    el_set(line, EL_BIND, "^I", "qemunit-complete", nullptr);
    el_set(line, EL_ADDFN, "qemunit-nul", "End of what was typed ahead", Editor::on_nul);
    el_set(line, EL_BIND, "^@", "qemunit-nul", nullptr);
    el_set(line, EL_BIND, "^R", "em-inc-search-prev", nullptr);
}

LineEditor::~LineEditor() = default;

std::optional<std::string> LineEditor::read() {
    std::string text;
    if (!editor_)
        return std::getline(std::cin, text) ? std::optional(text) : std::nullopt;
    // We set the terminal up before the prompt, libedit would after it: input that is there by now
    // was typed ahead.
    el_set(editor_->line.get(), EL_PREP_TERM, 1);
    int waiting = 0;
    editor_->has_typed_ahead = ioctl(STDIN_FILENO, FIONREAD, &waiting) == 0 && waiting > 0;
    int length = 0;
    const char *raw = el_gets(editor_->line.get(), &length);
    if (!raw || length <= 0)
        return std::nullopt;
    text.assign(raw, static_cast<std::size_t>(length));
    while (text.ends_with('\n') || text.ends_with('\r'))
        text.pop_back();
    HistEvent event{};
    if (text.find_first_not_of(" \t") != text.npos)
        history(editor_->lines.get(), &event, H_ENTER, text.c_str());
    return text;
}

}  // namespace qemunit::ctl
