// SPDX-License-Identifier: MIT
#include "ctl/console/awaited_line.h"

#include "common/console/shortened.h"

namespace qemunit::ctl {

namespace {

constexpr std::size_t kLastLines = 6;
constexpr std::size_t kShownMax = 300;  // bytes of a line that is shown
// The time of a search may grow with the square of the text, so a long line is searched in pieces,
// which overlap: what is as long as half a piece is whole in one of them.
constexpr std::size_t kPiece = 4'096;  // bytes
constexpr std::size_t kStep = kPiece / 2;

}  // namespace

AwaitedLine::AwaitedLine(RegularExpression wanted, std::optional<RegularExpression> unwanted)
    : wanted_(std::move(wanted)),
      unwanted_(std::move(unwanted)),
      lines_([this](const std::string &line) { take_line(line); }) {}

void AwaitedLine::feed(std::string_view bytes) {
    lines_.feed(bytes);
}

void AwaitedLine::pass_over(std::string_view bytes) {
    counts_ = false;
    lines_.feed(bytes);
    lines_.flush_partial();
    counts_ = true;
}

AwaitedLine::Partial AwaitedLine::partial() const {
    return {lines_.partial_tail(kStep), lines_.partial_size() <= kStep};
}

bool AwaitedLine::partial_matches() const {
    if (verdict_ != Verdict::open || !lines_.has_partial())
        return false;
    const auto [text, has_begin] = partial();
    return verdict_on(text, {has_begin, true}) != Verdict::open;
}

void AwaitedLine::take_partial() {
    if (verdict_ != Verdict::open || !lines_.has_partial())
        return;
    const auto [text, has_begin] = partial();
    verdict_ = verdict_on(text, {has_begin, true});
    if (verdict_ != Verdict::open)
        line_ = text;
}

AwaitedLine::Verdict AwaitedLine::verdict_on(std::string_view text,
                                             RegularExpression::Part part) const {
    if (unwanted_ && unwanted_->matches(text, part))
        return Verdict::unwanted;
    return wanted_.matches(text, part) ? Verdict::wanted : Verdict::open;
}

void AwaitedLine::take_line(const std::string &line) {
    remember(last_lines_, line);
    const std::string_view text = line;
    for (std::size_t at = 0; counts_ && verdict_ == Verdict::open; at += kStep) {
        const bool is_last = text.size() - at <= kPiece;
        verdict_ = verdict_on(text.substr(at, kPiece), {at == 0, is_last});
        if (verdict_ != Verdict::open)
            line_ = line;
        if (is_last)
            break;
    }
}

void AwaitedLine::remember(std::deque<std::string> &lines, const std::string &line) const {
    if (line.find_first_not_of(' ') != std::string::npos)
        lines.push_back(shortened(line, kShownMax));
    if (lines.size() > kLastLines)
        lines.pop_front();
}

std::deque<std::string> AwaitedLine::last_lines() const {
    std::deque<std::string> lines = last_lines_;
    if (lines_.has_partial())
        remember(lines, partial().text);
    return lines;
}

}  // namespace qemunit::ctl
