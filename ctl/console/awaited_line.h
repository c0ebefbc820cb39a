// SPDX-License-Identifier: MIT
//
// What a guest prints -> whether the line has come that somebody waits for. Pure; bounded, whatever
// the guest prints.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "common/console/console_lines.h"
#include "common/console/regular_expression.h"

namespace qemunit::ctl {

class AwaitedLine {
  public:
    enum class Verdict { open, wanted, unwanted };

    // A line that matches both is unwanted.
    AwaitedLine(RegularExpression wanted, std::optional<RegularExpression> unwanted);
    AwaitedLine(const AwaitedLine &) = delete;
    AwaitedLine &operator=(const AwaitedLine &) = delete;

    // A line decides when it has ended.
    void feed(std::string_view bytes);
    // What the guest has printed before it counted: ends the line in which it ends.
    void pass_over(std::string_view bytes);

    // Whether the line that has not ended matches as it stands: a prompt, or half a line.
    bool partial_matches() const;
    // If nothing more seems to come, the line decides as it stands.
    void take_partial();
    // Nothing more comes.
    void end() { lines_.flush_partial(); }

    Verdict verdict() const { return verdict_; }
    // That has decided.
    const std::string &line() const { return line_; }
    // What the guest printed last, for people: no blank lines, none in full length.
    std::deque<std::string> last_lines() const;

  private:
    struct Partial {
        std::string text;
        bool has_begin = false;
    };
    Partial partial() const;
    Verdict verdict_on(std::string_view text, RegularExpression::Part part) const;
    void take_line(const std::string &line);
    void remember(std::deque<std::string> &lines, const std::string &line) const;

    const RegularExpression wanted_;
    const std::optional<RegularExpression> unwanted_;
    ConsoleLines lines_;
    bool counts_ = true;
    Verdict verdict_ = Verdict::open;
    std::string line_;
    std::deque<std::string> last_lines_;
};

}  // namespace qemunit::ctl
