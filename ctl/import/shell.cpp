// SPDX-License-Identifier: MIT
#include "ctl/import/shell.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/ascii.h"
#include "ctl/import/command.h"

namespace qemunit::ctl {

namespace {

class ShellReader {
  public:
    ShellReader(std::string_view script, std::string_view home, bool wants_all)
        : rest_(script), home_(home), wants_all_(wants_all) {}

    std::vector<ShellCommand> read() {
        while (!rest_.empty())
            read_next();
        end_command();
        return std::move(found_);
    }

  private:
    // Takes a character at least.
    void read_next() {
        const char c = take();
        switch (c) {
            case '\n':
                end_command();
                ++line_;
                break;
            case ';':
            case '|':
            case '(':
            case ')':
            case '&':
                end_command();
                break;
            case '<':
            case '>':
                read_redirection();
                break;
            case ' ':
            case '\t':
            case '\r':
                end_word();
                break;
            case '#':
                if (in_word_)
                    put(c);
                else
                    rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
                break;
            case '\\':
                read_backslash();
                break;
            case '\'':
                read_single_quotes();
                break;
            case '"':
                read_double_quotes();
                break;
            case '$':
            case '`':
                read_expansion(c);
                break;
            case '~':
                read_tilde();
                break;
            default:
                put(c);
        }
    }

    // Also behind "file=": bash takes such a word for an assignment (TILDE EXPANSION in bash(1)).
    void read_tilde() {
        const bool is_assigned =
            word_.size() > 1 && word_.ends_with('=') && !is_digit(word_.front()) &&
            std::ranges::all_of(word_.substr(0, word_.size() - 1),
                                [](char c) { return is_alphanumeric_or(c, "_"); });
        const bool is_home = rest_.empty() || std::string_view("/ \t\n").contains(rest_.front());
        const bool is_at_begin = !in_word_;
        begin_word();
        if (is_home && (is_at_begin || is_assigned))
            word_ += home_;
        else
            word_ += '~';
    }

    char take() {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }

    void put(char c) {
        if (command_.words.empty() && !in_word_)
            command_.line = line_;
        word_ += c;
        in_word_ = true;
    }

    void read_backslash() {
        if (rest_.starts_with("\r\n"))
            rest_.remove_prefix(1);
        if (rest_.starts_with('\n')) {
            rest_.remove_prefix(1);
            ++line_;
        } else if (!rest_.empty()) {
            put(take());
        }
    }

    void read_single_quotes() {
        begin_word();
        while (!rest_.empty()) {
            const char c = take();
            if (c == '\'')
                return;
            line_ += c == '\n';
            word_ += c;
        }
        fault("the quote ' is not closed");
    }

    void read_double_quotes() {
        begin_word();
        while (!rest_.empty()) {
            const char c = take();
            if (c == '"')
                return;
            line_ += c == '\n';
            if (c == '$' || c == '`')
                read_expansion(c);
            else if (c == '\\' && !rest_.empty() && rest_.front() == '\n')
                take(), ++line_;
            else if (c == '\\' && !rest_.empty() &&
                     std::string_view("$`\"\\").contains(rest_.front()))
                word_ += take();
            else
                word_ += c;
        }
        fault("the quote \" is not closed");
    }

    // A parameter, or the output of a command: nobody knows here what it is.
    void read_expansion(char c) {
        begin_word();
        std::string text(1, c);
        if (c == '$' && rest_.starts_with('\'')) {
            fault("$'…'");
            return;
        }
        if (c == '$' && (rest_.empty() || std::string_view(" \t\n\"/,").contains(rest_.front()))) {
            word_ += c;  // a dollar sign
            return;
        }
        if (c == '$' && (rest_.front() == '{' || rest_.front() == '('))
            text += read_brackets();
        else if (c == '$')
            text += read_name();
        else
            while (!rest_.empty() && text.find('`', 1) == text.npos)
                text += take_counted();
        fault(text);
        word_ += text;
    }

    char take_counted() {
        line_ += rest_.front() == '\n';
        return take();
    }

    std::string read_brackets() {
        std::string text;
        unsigned depth = 0;
        do {
            const char c = take_counted();
            text += c;
            if (c == '{' || c == '(')
                ++depth;
            else if (c == '}' || c == ')')
                --depth;
        } while (depth > 0 && !rest_.empty());
        return text;
    }

    std::string read_name() {
        std::string text(1, take());
        while (!rest_.empty() && is_alphanumeric_or(rest_.front(), "_") && !is_digit(text.front()))
            text += take();
        return text;
    }

    // ">file", "2>&1": of no concern to QEMU.
    void read_redirection() {
        if (in_word_ && std::ranges::all_of(word_, is_digit))
            word_.clear(), in_word_ = false;
        end_word();
        if (rest_.starts_with('(')) {
            fault("<(…)");
            return;
        }
        while (!rest_.empty() && std::string_view("<>&|- \t").contains(rest_.front()))
            take();
        skips_word_ = true;
    }

    void begin_word() {
        if (command_.words.empty() && !in_word_)
            command_.line = line_;
        in_word_ = true;
    }

    void fault(const std::string &what) {
        if (!command_.fault.empty())
            return;
        command_.fault = what.starts_with("the quote")
                             ? fmt::format("line {}: {}", line_, what)
                             : fmt::format(
                                   "line {}: only a shell knows what {} is; start the VM "
                                   "as always, and say: qemunitctl import --pid=PID",
                                   line_, what);
    }

    void end_word() {
        if (!in_word_)
            return;
        if (!skips_word_)
            command_.words.push_back(std::exchange(word_, {}));
        word_.clear();
        in_word_ = skips_word_ = false;
    }

    void end_command() {
        end_word();
        ShellCommand command = std::exchange(command_, {});
        skips_word_ = false;
        constexpr std::string_view kKeywords[] = {"if",    "then", "else", "do",   "while",
                                                  "until", "{",    "!",    "elif", "&&"};
        while (!command.words.empty() &&
               std::ranges::find(kKeywords, command.words.front()) != std::end(kKeywords))
            command.words.erase(command.words.begin());
        while (!command.words.empty() &&
               (command.words.back() == "}" || command.words.back() == "fi"))
            command.words.pop_back();
        if (wants_all_ ? !command.words.empty() : is_of_qemu(command))
            found_.push_back(std::move(command));
    }

    // `which qemu-system-x86_64` is none, `"$QEMU" -m 1G` may be one.
    static bool is_of_qemu(const ShellCommand &command) {
        constexpr std::string_view kOthers[] = {"which", "echo",    "command", "apt",   "apt-get",
                                                "type",  "install", "killall", "pkill", "printf"};
        if (command.words.empty() ||
            std::ranges::find(kOthers, command.words.front()) != std::end(kOthers))
            return false;
        if (std::ranges::any_of(command.words, is_qemu_program))
            return true;
        return !command.fault.empty() && command.words.front().starts_with('$') &&
               to_lower(command.words.front()).contains("qemu");
    }

    std::string_view rest_, home_;
    const bool wants_all_;
    unsigned line_ = 1;
    std::vector<ShellCommand> found_;
    ShellCommand command_;
    std::string word_;
    bool in_word_ = false, skips_word_ = false;
};

}  // namespace

std::vector<ShellCommand> shell_commands(std::string_view script, std::string_view home) {
    return ShellReader(script, home, /*wants_all=*/true).read();
}

std::vector<ShellCommand> qemu_commands(std::string_view script, std::string_view home) {
    return ShellReader(script, home, /*wants_all=*/false).read();
}

Result<std::vector<std::string>> choose_command(const std::vector<ShellCommand> &commands,
                                                unsigned line) {
    if (commands.empty())
        return fail(EINVAL, "there is no command with qemu-system-… in it");
    std::string lines;
    const ShellCommand *chosen = commands.size() == 1 && line == 0 ? &commands.front() : nullptr;
    for (const ShellCommand &command : commands) {
        lines += fmt::format("{}{}", lines.empty() ? "" : ", ", command.line);
        if (command.line == line)
            chosen = &command;
    }
    if (!chosen && line != 0)
        return fail(EINVAL,
                    fmt::format("--line={}: no VM begins there; one does at line {}", line, lines));
    if (!chosen)
        return fail(EINVAL, fmt::format("{} VMs are started there, at the lines {}: choose one "
                                        "with --line=",
                                        commands.size(), lines));
    if (!chosen->fault.empty())
        return fail(EINVAL, chosen->fault);
    return chosen->words;
}

}  // namespace qemunit::ctl
