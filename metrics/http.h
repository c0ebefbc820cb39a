// SPDX-License-Identifier: MIT
//
// As much of HTTP/1.1 (RFC 9112) as it takes to hand out one text: requests are read, answers
// written, a connection for each. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "metrics/exposition.h"

namespace qemunit::metrics {

// A request with a longer head is refused.
inline constexpr std::size_t kHeadMax = 8192;

struct Request {
    enum class Kind { metrics, front_page, not_found, bad_method, bad };
    Kind kind = Kind::bad;
    bool head_only = false;  // HEAD
    Format format = Format::prometheus;
};

// Nothing, as long as the head is not there as a whole. A body is not read.
std::optional<Request> parse_request(std::string_view bytes);

// What goes before a body of that size.
std::string http_head(int status, std::string_view content_type, std::size_t body_size);
std::string http_answer(int status, std::string_view content_type, std::string_view body,
                        bool head_only);
// For what is no request for metrics.
std::string refusal_of(const Request &request);

}  // namespace qemunit::metrics
