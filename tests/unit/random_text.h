// SPDX-License-Identifier: MIT
//
// Words that hurt, the same in every run: a fixed seed, and no distribution of the
// standard library, since those differ from one implementation to the next.
#pragma once

#include <random>
#include <string>
#include <string_view>

namespace qemunit::testing {

class RandomText {
  public:
    explicit RandomText(unsigned seed) : engine_(seed) {}

    std::size_t below(std::size_t limit) { return engine_() % limit; }

    // Any bytes at all.
    std::string bytes(std::size_t count) {
        std::string text;
        while (text.size() < count)
            text += static_cast<char>(below(256));
        return text;
    }

    // UTF-8 without NUL, rich in what systemd, the shell or QEMU give a meaning.
    std::string word() {
        static constexpr std::string_view kPieces[] = {
            "\"",
            "'",
            "$",
            "${A}",
            "$$",
            "%",
            "%n",
            "%%",
            "\\",
            "\\n",
            ";",
            "#",
            " ",
            "\t",
            "\n",
            "\r",
            "\x01",
            "\x1b[31m",
            "\x7f",
            "=",
            ",",
            ",,",
            "@",
            "-",
            "+",
            "!",
            ":",
            "|",
            "&",
            "*",
            "?",
            "~",
            "`",
            "ä",
            "\u0085",
            "\u2028",
            "日本",
            "😀",
            "abc",
            "/a/b",
            "x=y",
            "\\x41",
            "\xef\xbb\xbf",
            "[Service]",
            "ExecStart=/bin/sh",
        };
        std::string text;
        const std::size_t pieces = below(12);
        for (std::size_t i = 0; i < pieces; ++i)
            text += kPieces[below(std::size(kPieces))];
        return text;
    }

  private:
    std::mt19937 engine_;
};

}  // namespace qemunit::testing
