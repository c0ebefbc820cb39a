// SPDX-License-Identifier: MIT
//
// Errors are values: every function of ours that can fail returns a Result.
// All programs use it. Never thrown, never logged below main().
#pragma once

#include <cerrno>
#include <cstring>
#include <expected>
#include <string>
#include <utility>

namespace qemunit {

struct Error {
    int code = EIO;       // an errno value: what kind of failure, for programs
    std::string message;  // one sentence for people: what failed, on what, why
};

template <typename T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> fail(int code, std::string message) {
    return std::unexpected(Error{code, std::move(message)});
}

// "doing what: Permission denied". `code` is an errno value of either sign.
inline std::unexpected<Error> fail_errno(int code, const std::string &doing) {
    if (code < 0)
        code = -code;
    return std::unexpected(Error{code, doing + ": " + std::strerror(code)});
}

}  // namespace qemunit
