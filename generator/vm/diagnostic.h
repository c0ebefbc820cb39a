// SPDX-License-Identifier: MIT
//
// What the generator has to say about a file: one value that the kernel log, standard
// error, --check and --explain all print the same way. Parsers return lists of these.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace qemunit::generator {

struct Location {
    std::string path;
    unsigned line = 0;  // from 1; 0: the file as a whole
};

enum class Severity {
    warning,  // something is ignored, the VM still works
    error,    // this VM, alone, gets no unit
};

struct Diagnostic {
    Location where;
    Severity severity;
    std::string message;
};

using Diagnostics = std::vector<Diagnostic>;

inline bool has_errors(const Diagnostics &diagnostics) {
    return std::ranges::any_of(diagnostics,
                               [](const Diagnostic &d) { return d.severity == Severity::error; });
}

// "/etc/qemunit/vm1.ini:3: message", as compilers and systemd write it.
inline std::string to_string(const Diagnostic &d) {
    std::string text = d.where.path;
    if (d.where.line > 0)
        text += ":" + std::to_string(d.where.line);
    return (text.empty() ? "" : text + ": ") + d.message;
}

}  // namespace qemunit::generator
