// SPDX-License-Identifier: MIT
#include "metrics/http.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/ascii.h"

namespace qemunit::metrics {

namespace {

constexpr std::string_view kPlain = "text/plain; charset=utf-8";

std::string_view reason(int status) {
    switch (status) {
        case 200:
            return "OK";
        case 400:
            return "Bad Request";
        case 404:
            return "Not Found";
        case 405:
            return "Method Not Allowed";
        default:
            return "Service Unavailable";
    }
}

// Lines end in "\r\n", or in "\n" alone (RFC 9112, 2.2).
std::string_view take_line(std::string_view &text) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    if (line.ends_with('\r'))
        line.remove_suffix(1);
    return line;
}

// Of its media types, one that is not forbidden by "q=0".
bool accepts_openmetrics(std::string_view value) {
    while (!value.empty()) {
        const std::size_t end = value.find(',');
        const std::string item = to_lower(std::string(value.substr(0, end)));
        value.remove_prefix(end == value.npos ? value.size() : end + 1);
        if (item.find("application/openmetrics-text") == item.npos)
            continue;
        const std::size_t q = item.find("q=0");
        return q == item.npos || item.find_first_of("123456789", q) != item.npos;
    }
    return false;
}

}  // namespace

std::optional<Request> parse_request(std::string_view bytes) {
    const std::size_t end = std::min(bytes.find("\r\n\r\n"), bytes.find("\n\n"));
    if (end == bytes.npos)
        return bytes.size() > kHeadMax ? std::optional(Request()) : std::nullopt;
    Request request;
    std::string_view head = bytes.substr(0, end);
    const std::string_view line = take_line(head);
    const std::size_t space = line.find(' '), next = line.find(' ', space + 1);
    if (space == line.npos || next == line.npos || !line.substr(next + 1).starts_with("HTTP/1."))
        return request;
    const std::string_view method = line.substr(0, space);
    std::string_view path = line.substr(space + 1, next - space - 1);
    path = path.substr(0, path.find('?'));
    request.head_only = method == "HEAD";
    if (method != "GET" && method != "HEAD")
        request.kind = Request::Kind::bad_method;
    else if (path == "/metrics")
        request.kind = Request::Kind::metrics;
    else
        request.kind = path == "/" ? Request::Kind::front_page : Request::Kind::not_found;
    while (!head.empty()) {
        const std::string_view field = take_line(head);
        const std::size_t colon = field.find(':');
        if (colon != field.npos && to_lower(std::string(field.substr(0, colon))) == "accept" &&
            accepts_openmetrics(field.substr(colon + 1)))
            request.format = Format::openmetrics;
    }
    return request;
}

std::string http_head(int status, std::string_view content_type, std::size_t body_size) {
    return fmt::format(
        "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}"
        "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
        status, reason(status), content_type, body_size,
        status == 405 ? "Allow: GET, HEAD\r\n" : "");
}

std::string http_answer(int status, std::string_view content_type, std::string_view body,
                        bool head_only) {
    return http_head(status, content_type, body.size()).append(head_only ? "" : body);
}

std::string refusal_of(const Request &request) {
    switch (request.kind) {
        case Request::Kind::front_page:
            return http_answer(200, kPlain, "Figures of virtual machines: /metrics\n",
                               request.head_only);
        case Request::Kind::not_found:
            return http_answer(404, kPlain, "There is nothing but /metrics\n", request.head_only);
        case Request::Kind::bad_method:
            return http_answer(405, kPlain, "Nothing but GET and HEAD\n", false);
        default:
            return http_answer(400, kPlain, "This is no request of HTTP/1.1\n", false);
    }
}

}  // namespace qemunit::metrics
