// SPDX-License-Identifier: MIT
#include "ctl/run/junit.h"

#include <fmt/format.h>

#include <algorithm>

#include "ctl/output/printable.h"
#include "ctl/run/verdict.h"

namespace qemunit::ctl {

namespace {

// XML 1.0 knows no other control characters, in no way of writing them.
std::string for_xml(std::string_view text) {
    std::string out;
    for (const char c : printable_text(text))
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\n':
                out += "&#10;";
                break;
            default:
                out += c;
        }
    return out;
}

std::string one_line(std::string_view text) {
    std::string line = printable_text(text);
    std::ranges::replace(line, '\n', ' ');
    return line;
}

}  // namespace

bool is_status_of_guest(int status) {
    return status == kStatusPanic || status == kStatusNoVerdict || status == kStatusTimeout ||
           status == kStatusNotStarted;
}

std::string junit_text(std::span<const RunReport> reports) {
    double seconds = 0;
    for (const RunReport &report : reports)
        seconds += report.seconds;
    const auto errors = std::ranges::count_if(reports, is_status_of_guest, &RunReport::status);
    const auto passed = std::ranges::count(reports, 0, &RunReport::status);
    std::string text = fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuite name=\"qemunitctl run\" tests=\"{}\" failures=\"{}\" errors=\"{}\" "
        "time=\"{:.3f}\">\n",
        reports.size(), static_cast<std::ptrdiff_t>(reports.size()) - passed - errors, errors,
        seconds);
    for (const RunReport &report : reports) {
        text += fmt::format("<testcase name=\"{}\" time=\"{:.3f}\">\n", for_xml(report.command),
                            report.seconds);
        if (report.status != 0)
            text += fmt::format("<{0} message=\"exit status {1}\">{2}</{0}>\n",
                                is_status_of_guest(report.status) ? "error" : "failure",
                                report.status, for_xml(report.text));
        text += "</testcase>\n";
    }
    return text + "</testsuite>\n";
}

std::string tap_text(std::size_t number, const RunReport &report) {
    std::string text = fmt::format("{} {} - {}\n", report.status == 0 ? "ok" : "not ok", number,
                                   one_line(report.command));
    if (report.status == 0)
        return text;
    text += fmt::format("# exit status {}\n", report.status);
    for (std::string_view rest = report.text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        text += fmt::format("# {}\n", rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return text;
}

}  // namespace qemunit::ctl
