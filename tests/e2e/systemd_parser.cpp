// SPDX-License-Identifier: MIT
#include "tests/e2e/systemd_parser.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <sstream>

#include "tests/e2e/process.h"

namespace qemunit::e2e {

namespace {

constexpr const char *kNobody = "65534";

bool is_octal(char c) {
    return c >= '0' && c <= '7';
}

// One escape sequence; `at` is at the backslash, and after it when this returns.
char unescape(const std::string &text, std::size_t &at) {
    static constexpr std::pair<char, char> kNamed[] = {
        {'a', '\a'}, {'b', '\b'}, {'f', '\f'}, {'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'v', '\v'}};
    const char c = text.at(++at);
    if (is_octal(c)) {
        const int value = std::stoi(text.substr(at, 3), nullptr, 8);
        at += 3;
        return static_cast<char>(value);
    }
    ++at;
    for (const auto &[name, value] : kNamed)
        if (c == name)
            return value;
    return c;
}

// systemd.service(5): "$$" is a dollar sign; any other "$" is a variable.
std::string resolve_dollars(const std::string &word, std::string &refused) {
    std::string result;
    for (std::size_t i = 0; i < word.size(); ++i) {
        if (word[i] == '$') {
            if (i + 1 < word.size() && word[i + 1] == '$')
                ++i;
            else
                refused = word;
        }
        result += word[i];
    }
    return result;
}

}  // namespace

std::vector<std::string> split_printed_command(const std::string &text) {
    std::vector<std::string> words;
    bool quoted = false, in_word = false;
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] == '"') {
            quoted = !quoted;
            if (!in_word)
                words.emplace_back();
            in_word = true;
            ++i;
        } else if (text[i] == ' ' && !quoted) {
            in_word = false;
            ++i;
        } else {
            if (!in_word)
                words.emplace_back();
            in_word = true;
            if (text[i] == '\\')
                words.back() += unescape(text, i);
            else
                words.back() += text[i++];
        }
    }
    return words;
}

ParsedUnits parse_with_systemd(const std::string &dir) {
    // As nobody: root may not run a user manager without a session.
    const std::string runtime = dir + "/runtime";
    std::filesystem::create_directories(runtime);
    chmod(runtime.c_str(), 0777);
    const Finished finished =
        run({"setpriv", "--reuid", kNobody, "--regid", kNobody, "--clear-groups", "env", "-i",
             "SYSTEMD_UTF8=no",  // or 257 says "→"
             "SYSTEMD_UNIT_PATH=" + dir + ":", "XDG_RUNTIME_DIR=" + runtime, "/lib/systemd/systemd",
             "--test", "--user", "--unit=all.target", "--no-pager"});
    ParsedUnits parsed;
    if (!finished.ok())
        parsed.complaints = finished.output;

    auto value = [](const std::string &line, std::string_view key) {
        return line.substr(line.find(key) + key.size());
    };
    std::istringstream lines(finished.output);
    ParsedUnit *unit = nullptr;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("\t-> Unit ")) {
            std::string name = value(line, "-> Unit ");
            name.pop_back();  // ":"
            unit = &parsed.units[name];
        } else if (unit && line.starts_with("\t\tDescription: ")) {
            unit->description = value(line, "Description: ");
        } else if (unit && line.starts_with("\t\t\tCommand Line: ")) {
            unit->command.clear();
            for (const std::string &word : split_printed_command(value(line, "Command Line: ")))
                unit->command.push_back(resolve_dollars(word, unit->refused_dollar));
        } else if (line.starts_with(dir)) {  // "PATH:LINE: complaint"
            parsed.complaints += line + "\n";
        }
    }
    return parsed;
}

}  // namespace qemunit::e2e
