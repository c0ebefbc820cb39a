// SPDX-License-Identifier: MIT
#include "metrics/exposition.h"

#include <fmt/format.h>

#include "common/utf8.h"
#include "metrics/varlink.h"

namespace qemunit::metrics {

namespace {

constexpr uint64_t kNsecPerSec = 1'000'000'000;

std::string_view type_name(Type type, Format format) {
    switch (type) {
        case Type::counter:
            return "counter";
        case Type::histogram:
            return "histogram";
        case Type::info:
            return format == Format::openmetrics ? "info" : "gauge";
        case Type::gauge:
            break;
    }
    return "gauge";
}

}  // namespace

std::string_view suffix_of(Type type) {
    switch (type) {
        case Type::counter:
            return "_total";
        case Type::histogram:
            return "_bucket";
        case Type::info:
            return "_info";
        case Type::gauge:
            break;
    }
    return "";
}

std::string_view content_type(Format format) {
    return format == Format::openmetrics
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

std::string escaped_label(std::string_view value) {
    std::string text;
    while (!value.empty()) {
        const auto c = first_of_utf8(value);
        if (!c) {
            text += "\xef\xbf\xbd";
            value.remove_prefix(1);
            continue;
        }
        if (c->code == '\n')
            text += "\\n";
        else if (c->code == '"' || c->code == '\\')
            text.append("\\").append(value.substr(0, 1));
        else
            text += value.substr(0, c->length);
        value.remove_prefix(c->length);
    }
    return text;
}

std::string seconds_text(uint64_t nanoseconds) {
    std::string text = fmt::format("{}", nanoseconds / kNsecPerSec);
    if (const uint64_t rest = nanoseconds % kNsecPerSec; rest != 0) {
        text += fmt::format(".{:09}", rest);
        text.erase(text.find_last_not_of('0') + 1);
    }
    return text;
}

void Exposition::begin(const Family &family) {
    family_ = family;
    has_head_ = false;
}

void Exposition::add(Labels labels, uint64_t value) {
    add_text(labels, fmt::format("{}", value));
}

void Exposition::add_seconds(Labels labels, uint64_t nanoseconds) {
    add_text(labels, seconds_text(nanoseconds));
}

void Exposition::add_ratio(Labels labels, uint64_t part, uint64_t whole) {
    const double ratio = whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
    add_text(labels, fmt::format("{:.6g}", ratio));
}

void Exposition::add_bucket(Labels labels, uint64_t bound, uint64_t count) {
    // Without a sum there is no "_count" either (OpenMetrics): it is the last bucket.
    std::string le = bound == UINT64_MAX ? "+Inf" : seconds_text(bound);
    // Canonical, as OpenMetrics has it, in both formats, so that it is one series.
    if (bound != UINT64_MAX && !le.contains('.'))
        le += ".0";
    SampleLabels all(labels);
    all.emplace_back("le", le);
    add_text(all, fmt::format("{}", count));
}

void Exposition::add_head() {
    // In the older format, the family of a counter has the name of its samples.
    const bool has_suffix = format_ == Format::prometheus && family_.type != Type::histogram;
    const std::string name =
        fmt::format("{}{}", family_.name, has_suffix ? suffix_of(family_.type) : "");
    text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, family_.help, name,
                         type_name(family_.type, format_));
    if (format_ == Format::openmetrics && !family_.unit.empty())
        text_ += fmt::format("# UNIT {} {}\n", name, family_.unit);
}

void Exposition::add_text(const SampleLabels &labels, std::string_view number) {
    if (format_ == Format::varlink) {
        text_ += varlink_sample(family_.name, suffix_of(family_.type), labels, number);
        return;
    }
    if (!std::exchange(has_head_, true))
        add_head();
    text_.append(family_.name).append(suffix_of(family_.type));
    char separator = '{';
    for (const auto &[label, value] : labels) {
        text_ += separator;
        text_.append(label).append("=\"").append(escaped_label(value)).append("\"");
        separator = ',';
    }
    if (separator == ',')
        text_ += '}';
    text_.append(" ").append(number).append("\n");
}

std::string Exposition::end() && {
    if (format_ == Format::openmetrics)
        text_ += "# EOF\n";
    return format_ == Format::varlink ? last_one_last(std::move(text_)) : std::move(text_);
}

}  // namespace qemunit::metrics
