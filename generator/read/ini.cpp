// SPDX-License-Identifier: MIT
#include "generator/read/ini.h"

#include <fmt/format.h>
#include <ini.h>

#include <cstring>

#include "common/ascii.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
constexpr std::size_t kKeyMax = 100;  // bytes; the longest of systemd has 33
constexpr std::size_t kUsualEntries = 16;
constexpr unsigned kErrorsMax = 100;         // of one file; what has more is no ini file
constexpr std::size_t kEntriesMax = 10'000;  // PID 1 waits for all of them

// Stands between the text and inih, which as packaged cuts lines at 199 bytes and reads
// the rest as a new line, ends values at " ;", takes indented lines for continuations,
// files keys under the section before a broken header, and tells no line numbers. inih asks
// for one line a call: LineReader checks the line, and gives inih the bare "key=" or "[section]" of
// it, so that inih never sees a text that it could misread. When inih calls the handler, LineReader
// files the entry with the texts that it has kept.
class LineReader {
  public:
    LineReader(IniFile &file, std::string_view text, Diagnostics &diagnostics)
        : file_(file), rest_(text), diagnostics_(diagnostics) {
        if (rest_.starts_with(kByteOrderMark))
            rest_.remove_prefix(kByteOrderMark.size());
    }

    static char *read_line(char *buffer, int size, void *stream) {
        auto *reader = static_cast<LineReader *>(stream);
        if (reader->rest_.empty())
            return nullptr;
        std::string line = reader->next_line();
        if (line.size() + 2 > static_cast<std::size_t>(size))
            line.clear();  // cannot be: keys are shorter than any buffer of inih
        line += '\n';
        std::memcpy(buffer, line.c_str(), line.size() + 1);
        return buffer;
    }

    static int take_assignment(void *user, const char *, const char *key, const char *) {
        auto *reader = static_cast<LineReader *>(user);
        reader->file_.entries.push_back(
            {reader->section_, key, std::string(reader->value_), reader->line_});
        return 1;
    }

  private:
    // What inih shall see of the next line.
    std::string next_line() {
        const std::size_t end = rest_.find('\n');
        std::string_view line = rest_.substr(0, end);
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
        ++line_;
        if (line.ends_with('\r'))
            line.remove_suffix(1);
        line = trim(line);
        if (file_.entries.size() >= kEntriesMax) {
            say(fmt::format("More than {} sections and keys; the rest of the file is not read.",
                            kEntriesMax));
            rest_ = {};
            return {};
        }
        if (line.empty() || line.front() == '#' || line.front() == ';')
            return {};
        return line.front() == '[' ? header(line) : assignment(line);
    }

    std::string header(std::string_view line) {
        in_section_ = false;
        complained_ = true;  // if this is broken: about the header, not about its keys too
        if (!line.ends_with(']')) {
            error(fmt::format("Missing ']' at the end of the section header '{}'.",
                              printable(shorten(line))));
            return {};
        }
        const std::string_view name = trim(line.substr(1, line.size() - 2));
        if (auto fault = text_fault(name); !fault.empty()) {
            error(fmt::format("{} in a section header.", fault));
            return {};
        }
        if (name.empty()) {
            error("A section header without a name.");
            return {};
        }
        in_section_ = true;
        section_ = name;
        file_.entries.push_back({section_, "", "", line_});
        return "[section]";
    }

    std::string assignment(std::string_view line) {
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos) {
            error(fmt::format("Missing '=' in '{}'.", printable(shorten(line))));
            return {};
        }
        const std::string_view key = trim(line.substr(0, equals));
        if (key.empty() || key.size() > kKeyMax || !std::ranges::all_of(key, is_key_char)) {
            error(fmt::format("'{}' is not a key.", printable(shorten(key))));
            return {};
        }
        value_ = trim(line.substr(equals + 1));
        if (auto fault = text_fault(value_); !fault.empty()) {
            error(fmt::format("{} in the value of '{}'.", fault, key));
            return {};
        }
        if (!in_section_) {
            if (section_.empty() && !complained_)
                error(fmt::format("'{}=' stands before any section header.", key));
            complained_ = true;
            return {};
        }
        return std::string(key) + "=";
    }

    static bool is_key_char(char c) { return is_alphanumeric_or(c, "_-"); }

    void error(std::string message) {
        if (++errors_ > kErrorsMax) {
            message =
                fmt::format("More than {} errors; the rest of the file is not read.", kErrorsMax);
            rest_ = {};
        }
        say(std::move(message));
    }

    void say(std::string message) {
        diagnostics_.push_back({{file_.path, line_}, Severity::error, std::move(message)});
    }

    IniFile &file_;
    std::string_view rest_;
    Diagnostics &diagnostics_;
    unsigned line_ = 0;
    unsigned errors_ = 0;
    std::string section_;
    std::string_view value_;
    bool in_section_ = false;
    bool complained_ = false;  // keys before the first header are reported once
};

}  // namespace

IniFile parse_ini(const std::string &path, std::string_view text, Diagnostics &diagnostics) {
    IniFile file{path, {}};
    LineReader reader(file, text, diagnostics);
    file.entries.reserve(kUsualEntries);
    ini_parse_stream(LineReader::read_line, &reader, LineReader::take_assignment, &reader);
    return file;
}

}  // namespace qemunit::generator
