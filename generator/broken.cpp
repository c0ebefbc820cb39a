// SPDX-License-Identifier: MIT
#include "generator/broken.h"

#include "common/concat.h"
#include "common/paths.h"
#include "generator/vm/text.h"

namespace qemunit::generator {

Output render_broken(const VmSource &source, const std::string &root,
                     const Diagnostics &diagnostics) {
    if (!has_errors(diagnostics))
        return {};
    const auto without_root = [&](const std::string &path) {
        return path.starts_with(root) ? path.substr(root.size()) : path;
    };
    std::string text = printable(without_root(source.path)) + "\n";
    for (const Diagnostic &diagnostic : diagnostics)
        if (diagnostic.severity == Severity::error) {
            const Location where{without_root(diagnostic.where.path), diagnostic.where.line};
            append(text, printable(to_string({where, Severity::error, diagnostic.message})), "\n");
        }
    Output output;
    output.files.push_back({concat(kBrokenVmsFolder, "/", source.name), std::move(text)});
    return output;
}

}  // namespace qemunit::generator
