// SPDX-License-Identifier: MIT
//
// Extended regular expressions (regex(7)) about lines of a console, for Ready=serial: and
// `qemunitctl expect`. The lines are a guest's: what takes regcomp(3) its memory, or regexec(3) its
// time, is refused.
#pragma once

#include <regex.h>

#include <memory>
#include <string>
#include <string_view>

#include "common/result.h"

namespace qemunit {

// "", or what is wrong with the extended regular expression, as the end of a sentence. The
// generator asks, which never matches anything.
std::string expression_fault(const std::string &expression);

class RegularExpression {
  public:
    // The error is regcomp's: whoever has the expression from a person asks expression_fault()
    // first.
    static Result<RegularExpression> compile(const std::string &expression);

    // `part`: whether `text` begins and ends as its line does, for "^" and "$".
    struct Part {
        bool has_begin = true, has_end = true;
    };
    bool matches(std::string_view text, Part part = {true, true}) const;

  private:
    struct Freeing {
        void operator()(regex_t *compiled) const;
    };
    explicit RegularExpression(std::unique_ptr<regex_t, Freeing> compiled)
        : compiled_(std::move(compiled)) {}

    std::unique_ptr<regex_t, Freeing> compiled_;
};

}  // namespace qemunit
