// SPDX-License-Identifier: MIT
//
// What qemunit-usernet is asked, and how it answers: one line on a connection of its own, and after
// "ok" or "error" on a line the rest of the text, until the end of the connection. qemunitd and the
// companion ask (usernet_question.h). Pure.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "common/host_forward.h"
#include "common/result.h"

namespace qemunit {

// No rule is longer.
inline constexpr std::size_t kUsernetLineMax = 200;

struct UsernetRequest {
    enum class Kind { list, add, remove } kind = Kind::list;
    HostForward forward;  // of `remove`, without the guest's side
};

// "list\n", "add tcp::10022-:22\n", "remove tcp::10022-:22\n".
std::string usernet_line(UsernetRequest::Kind kind, std::string_view rule = {});
// The line without its end.
Result<UsernetRequest> parse_usernet_line(std::string_view line);

std::string usernet_answer(const Result<std::string> &answer);
// The error is that of the program, or says that this is no answer.
Result<std::string> parse_usernet_answer(std::string_view text);

}  // namespace qemunit
