// SPDX-License-Identifier: MIT
//
// The outer of the two escaping layers: texts of ours -> unit files. systemd reads them in
// the order C escapes and quotes, specifiers ("%"), variables ("$"), so they are written in
// the reverse order (systemd's docs/CODING_STYLE.md; systemd.service(5), "Command lines").
// A kSpecifier of common/paths.h comes out as the "%" of a specifier that systemd resolves.
#pragma once

#include <string>
#include <string_view>

namespace qemunit::generator {

// One word of ExecStart=: `$` doubled, `%` doubled, quoted where systemd would otherwise
// split it or read it as something else. Any bytes but NUL come out as they went in.
std::string quote_word(std::string_view word);
void append_quoted_word(std::string &text, std::string_view word);

// A whole value of a setting that knows specifiers but no quotes: Description=.
std::string escape_specifiers(std::string_view value);

// A path in BindPaths=, ExecPaths= and their like, which split at white space and (some) at
// colons, know quotes, a backslash before any character, and specifiers, but no C escapes
// (load-fragment.c). For paths without control bytes. systemd 262 takes only a colon with a
// backslash for a part of the path, and a double quote only between single ones; older ones
// read that in the same way.
std::string quote_path(std::string_view path);
// `prefix`: "-", "+", which stand within the quotes.
void append_quoted_path(std::string &text, std::string_view prefix, std::string_view path);

// The value of SetCredential=, which knows C escapes but no specifiers (load-fragment.c).
std::string escape_credential(std::string_view value);

}  // namespace qemunit::generator
