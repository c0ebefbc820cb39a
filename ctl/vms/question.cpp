// SPDX-License-Identifier: MIT
#include "ctl/vms/question.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "common/ascii.h"

namespace qemunit::ctl {

bool can_ask() {
    return isatty(STDIN_FILENO) == 1;
}

char ask(std::string_view question) {
    fmt::print("{} ", question);
    std::fflush(stdout);
    std::string answer;
    if (!std::getline(std::cin, answer))
        return kNoAnswer;
    answer = to_lower(answer);
    const std::size_t letter = answer.find_first_not_of(" \t\r");
    return letter == answer.npos ? '\0' : answer[letter];
}

}  // namespace qemunit::ctl
