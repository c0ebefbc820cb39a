// SPDX-License-Identifier: MIT
//
// Text of metrics: the format of Prometheus (0.0.4) and OpenMetrics (1.0.0), which differ in a few
// lines, and replies of Varlink. Whatever bytes a label's value has, it is one value there. Pure.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace qemunit::metrics {

enum class Format { prometheus, openmetrics, varlink };

// Of those for HTTP.
std::string_view content_type(Format format);

enum class Type { gauge, counter, histogram, info };

// What the names of samples have behind the name of the family.
std::string_view suffix_of(Type type);

struct Family {
    std::string_view name;  // without "_total", "_info", "_bucket"
    Type type;
    std::string_view unit;  // "seconds", which the name ends with; or ""
    std::string_view help;
};

using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;
using SampleLabels = std::vector<std::pair<std::string_view, std::string_view>>;

class Exposition {
  public:
    explicit Exposition(Format format) : format_(format) {}

    // The samples that follow are of this family. One that has none is not mentioned.
    void begin(const Family &family);
    void add(Labels labels, uint64_t value);
    // 1,500,000,000 ns are 1.5.
    void add_seconds(Labels labels, uint64_t nanoseconds);
    void add_ratio(Labels labels, uint64_t part, uint64_t whole);
    // Of a histogram: how many values are at most `bound` ns, UINT64_MAX being no bound.
    void add_bucket(Labels labels, uint64_t bound, uint64_t count);

    // The whole text.
    std::string end() &&;

  private:
    void add_text(const SampleLabels &labels, std::string_view number);
    void add_head();

    Format format_;
    Family family_{};
    bool has_head_ = false;
    std::string text_;
};

// "\"" -> "\\\""; what is no UTF-8 becomes U+FFFD.
std::string escaped_label(std::string_view value);
// "1.5", "0.000000001", "3"
std::string seconds_text(uint64_t nanoseconds);

}  // namespace qemunit::metrics
