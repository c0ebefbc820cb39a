// SPDX-License-Identifier: MIT
#include "ctl/run/verdict.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>

namespace qemunit::ctl {

namespace {

using Kind = Ending::Kind;

constexpr int kLinesShown = 25;
constexpr std::string_view kPanic = "Kernel panic - not syncing";

// "<3>qemunit-helper: …", as services write for the journal.
std::string_view without_priority(std::string_view line) {
    if (line.size() >= 3 && line[0] == '<' && line[2] == '>')
        line.remove_prefix(3);
    return line;
}

std::string last_lines(std::string_view text, std::string_view indent) {
    std::string lines;
    while (text.ends_with('\n') || text.ends_with('\r'))
        text.remove_suffix(1);
    std::size_t begin = text.size();
    for (int i = 0; i < kLinesShown && begin != text.npos; ++i)
        begin = begin == 0 ? text.npos : text.rfind('\n', begin - 1);
    begin = begin == text.npos ? 0 : begin + 1;
    // The reason of a panic comes first, and the registers behind it are many.
    if (const std::size_t panic = text.rfind(kPanic); panic < begin) {
        const std::size_t before = text.rfind('\n', panic);
        begin = before == text.npos ? 0 : before + 1;
    }
    text.remove_prefix(begin);
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        while (line.ends_with('\r'))
            line.remove_suffix(1);
        lines += fmt::format("{}{}\n", indent, without_priority(line));
    }
    return lines;
}

std::string what_happened(const Ending &ending) {
    switch (ending.kind) {
        case Kind::exited:
        case Kind::killed:
            return "";
        case Kind::failed:
            return fmt::format("the guest could not run the command: {}", ending.text);
        case Kind::timed_out:
            return fmt::format("the command had not ended after {}", ending.text);
        case Kind::interrupted:
            return "interrupted, the VM was ended";
        case Kind::unheard:
            return fmt::format("cannot write standard output: {}; the VM was ended", ending.text);
        case Kind::hung_up:
            break;
    }
    if (has_panicked(ending.console))
        return "the guest's kernel panicked";
    if (ending.began)
        return "the guest ended before the command did";
    // A QEMU that does not start says why.
    const bool had_guest = !ending.console.empty() || (ending.helper_ran && ending.log.empty());
    return had_guest ? "the guest ended before the command began" : "the VM did not start";
}

}  // namespace

bool is_silent_failure(const Ending &ending) {
    return ending.kind == Kind::hung_up && !ending.began && ending.console.empty() &&
           ending.log.empty();
}

bool has_never_run(const Ending &ending) {
    return is_silent_failure(ending) && !ending.helper_ran;
}

bool has_panicked(std::string_view console) {
    return console.contains(kPanic);
}

int status_of(const Ending &ending) {
    switch (ending.kind) {
        case Kind::exited:
            return ending.number;
        case Kind::killed:
        case Kind::interrupted:
            return kStatusOfSignal + ending.number;
        case Kind::failed:
        case Kind::unheard:
            return kStatusNotStarted;
        case Kind::timed_out:
            return kStatusTimeout;
        case Kind::hung_up:
            break;
    }
    if (has_panicked(ending.console))
        return kStatusPanic;
    return ending.began ? kStatusNoVerdict : kStatusNotStarted;
}

std::string report_of(const Ending &ending) {
    const std::string happened = what_happened(ending);
    // Who reads no more wants to hear nothing.
    if (happened.empty() || (ending.kind == Kind::interrupted && ending.number == SIGPIPE))
        return "";
    std::string report =
        fmt::format("qemunitctl run: {} (exit status {})\n", happened, status_of(ending));
    if (ending.kind == Kind::interrupted || ending.kind == Kind::unheard)
        return report;
    if (ending.kind == Kind::hung_up && !ending.text.empty())
        report += fmt::format("  systemd says why: {}\n", ending.text);
    if (!ending.log.empty() && ending.kind == Kind::hung_up)
        report += last_lines(ending.log, "  ");
    if (!ending.console.empty())
        report += "The console's last lines:\n" + last_lines(ending.console, "  | ");
    return report;
}

}  // namespace qemunit::ctl
