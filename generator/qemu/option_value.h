// SPDX-License-Identifier: MIT
//
// The inner of the two escaping layers: QEMU's option values ("file=a,,b,format=raw").
// The outer one is unit_text.h.
#pragma once

#include <string>
#include <string_view>

namespace qemunit::generator {

// Doubles each comma; nothing else has a meaning in an option's value
// (QEMU's util/qemu-option.c, get_opt_value).
std::string double_commas(std::string_view value);
void add_with_doubled_commas(std::string &text, std::string_view value);

// "head,key=value,…", built in order.
class OptionValue {
  public:
    explicit OptionValue(std::string_view head = {}) {
        text_.reserve(kUsualLength);
        text_ = head;
    }

    OptionValue &add(std::string_view key, std::string_view value) & {
        if (!text_.empty())
            text_ += ',';
        text_.append(key) += '=';
        add_with_doubled_commas(text_, value);
        return *this;
    }
    OptionValue &&add(std::string_view key, std::string_view value) && {
        return std::move(add(key, value));
    }
    const std::string &text() const { return text_; }
    std::string take() && { return std::move(text_); }

  private:
    static constexpr std::size_t kUsualLength = 95;

    std::string text_;
};

}  // namespace qemunit::generator
