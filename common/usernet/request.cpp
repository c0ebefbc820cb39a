// SPDX-License-Identifier: MIT
#include "common/usernet/request.h"

#include <utility>

#include "common/concat.h"

namespace qemunit {

namespace {

constexpr std::pair<UsernetRequest::Kind, std::string_view> kVerbs[] = {
    {UsernetRequest::Kind::list, "list"},
    {UsernetRequest::Kind::add, "add"},
    {UsernetRequest::Kind::remove, "remove"},
};
constexpr std::string_view kOk = "ok\n", kError = "error\n";

}  // namespace

std::string usernet_line(UsernetRequest::Kind kind, std::string_view rule) {
    for (const auto &[known, verb] : kVerbs)
        if (known == kind)
            return rule.empty() ? concat(verb, "\n") : concat(verb, " ", rule, "\n");
    return {};
}

Result<UsernetRequest> parse_usernet_line(std::string_view line) {
    const std::size_t space = line.find(' ');
    const std::string_view verb = line.substr(0, space);
    for (const auto &[kind, known] : kVerbs) {
        const bool is_rule_wanted = kind != UsernetRequest::Kind::list;
        if (verb != known || is_rule_wanted == (space == line.npos))
            continue;
        if (!is_rule_wanted)
            return UsernetRequest{kind, {}};
        auto forward = parse_host_forward(line.substr(space + 1));
        if (!forward)
            return fail(EINVAL, forward.error());
        return UsernetRequest{kind, std::move(*forward)};
    }
    return fail(EINVAL, "this is none of: list, add RULE, remove RULE");
}

std::string usernet_answer(const Result<std::string> &answer) {
    return answer ? concat(kOk, *answer) : concat(kError, answer.error().message);
}

Result<std::string> parse_usernet_answer(std::string_view text) {
    if (text.starts_with(kOk))
        return std::string(text.substr(kOk.size()));
    if (text.starts_with(kError))
        return fail(EIO, std::string(text.substr(kError.size())));
    return fail(EPROTO, "qemunit-usernet has given no answer");
}

}  // namespace qemunit
